"""Instructions of an emulated process, by what they do, in; sums that one can read out."""

from collections.abc import Mapping

# in the order of `enum kind` in a64_kinds.c
KINDS = (
    "float_multiply_add",
    "float_multiply_add_scalar",
    "int8_dot",
    "int8_multiply",
    "vector_other",
    "load_vector",
    "store_vector",
    "load",
    "store",
    "branch",
    "other",
)
_GROUPS = {
    "float multiply-add": ("float_multiply_add", "float_multiply_add_scalar"),
    "int8 dot": ("int8_dot",),
    "int8 multiply": ("int8_multiply",),
    "load and store": ("load_vector", "store_vector", "load", "store"),
    "rest": ("vector_other", "branch", "other"),
}
GROUPS = tuple(_GROUPS)


def grouped(kinds: Mapping[str, int]) -> dict[str, int]:
    """Counts by the names in KINDS -> counts by the names in GROUPS, the same sum."""
    return {name: sum(kinds[one] for one in members) for name, members in _GROUPS.items()}
