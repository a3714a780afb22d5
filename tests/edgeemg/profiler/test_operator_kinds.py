import pytest

from edgeemg.profiler.operator_kinds import Operator


@pytest.mark.parametrize(
    ("activations", "constants", "outputs", "kind"),
    [
        (("float32",), ("float32", "float32"), ("float32",), "other"),
        (("int8",), ("int8", "int32"), ("int8",), "int8"),
        (("uint8",), ("float", "int8"), ("uint8",), "int8"),
        (("uint8",), ("int8",), ("int32",), "int8"),  # an integer product, not yet rescaled
        (("float",), ("float", "uint8"), ("uint8",), "conversion"),
        (("int8",), (), ("float32",), "conversion"),
        (("float32",), ("int8", "float32"), ("float32",), "int8 weights"),
        (("float", "float"), ("int64",), ("float",), "other"),
        ((), ("int8",), ("float32",), "unpacking"),  # weights that were only stored in int8
    ],
)
def test_an_operator_is_what_its_tensors_are(
    activations: tuple[str, ...], constants: tuple[str, ...], outputs: tuple[str, ...], kind: str
) -> None:
    assert Operator("any", activations, constants, outputs).kind == kind
