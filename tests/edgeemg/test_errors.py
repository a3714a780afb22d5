import pytest

from edgeemg import errors
from edgeemg.errors import EdgeEmgError, GateError, MissingExtraError, needs_extra

TREE = [
    one
    for one in vars(errors).values()
    if isinstance(one, type) and issubclass(one, EdgeEmgError) and one is not EdgeEmgError
]


def test_there_are_errors_to_look_at() -> None:
    assert len(TREE) >= 9


@pytest.mark.parametrize("error", TREE)
def test_every_error_stands_in_the_tree_at_the_top_of_its_module(error: type) -> None:
    assert f"── {error.__name__} " in (errors.__doc__ or "")


@pytest.mark.parametrize("error", TREE)
def test_only_a_failed_gate_has_exit_code_1(error: type[EdgeEmgError]) -> None:
    assert error.exit_code == (1 if error is GateError else 2)


def test_a_missing_extra_is_named_with_what_needs_it() -> None:
    with (
        pytest.raises(MissingExtraError, match=r"flying needs no_such_thing.*edgeemg\[wings\]"),
        needs_extra("wings", "flying"),
    ):
        import no_such_thing  # noqa: F401


def test_a_library_that_is_there_but_broken_says_what_it_lacks() -> None:
    with (
        pytest.raises(MissingExtraError, match=r"libcublas\.so\.12"),
        needs_extra("train", "training"),
    ):
        raise ImportError("libcublas.so.12: cannot open shared object file")


def test_other_errors_pass_through_needs_extra() -> None:
    with pytest.raises(ZeroDivisionError), needs_extra("train", "training"):
        raise ZeroDivisionError
