import sys
from collections.abc import Callable
from pathlib import Path

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
        pytest.raises(
            MissingExtraError,
            match=r"flying needs no_such_thing, which is not installed: .*edgeemg\[wings\]",
        ),
        needs_extra("wings", "flying"),
    ):
        import no_such_thing  # noqa: F401


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Makes a package `brittle` of one line, and others that it may import."""
    monkeypatch.syspath_prepend(tmp_path)

    def install(package: str, code: str) -> None:
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text(code)
        monkeypatch.delitem(sys.modules, package, raising=False)

    return install


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("raise ImportError('GLIBC_2.38\\n  not found')", "GLIBC_2.38 not found"),
        ("raise ImportError('libc.so.7: no such file', name='brittle._c')", "libc.so.7: no such"),
        ("import brittle._gone", "No module named 'brittle._gone'"),
        ("from brittle import gone", "cannot import name 'gone'"),
    ],
)
def test_a_library_that_is_installed_but_broken_says_so_and_why(
    installed: Callable[[str, str], None], code: str, reason: str
) -> None:
    installed("brittle", code)
    with pytest.raises(MissingExtraError) as caught, needs_extra("wings", "flying"):
        import brittle  # noqa: F401
    said = str(caught.value)
    assert said.startswith("flying needs brittle, which is installed but cannot be imported (")
    assert reason in said
    assert said.endswith("reinstall it with pip install --force-reinstall 'edgeemg[wings]'")


def test_of_a_library_that_lacks_another_the_other_is_named(
    installed: Callable[[str, str], None],
) -> None:
    installed("brittle", "import no_such_thing")
    with (
        pytest.raises(MissingExtraError, match="no_such_thing, which is not installed"),
        needs_extra("wings", "flying"),
    ):
        import brittle  # noqa: F401


@pytest.mark.parametrize(
    "code",
    ["import edgeemg.no_such_room", "from edgeemg.errors import gone", "import firmware_bridge.x"],
)
def test_a_failed_import_of_our_own_is_a_bug_and_passes_through(code: str) -> None:
    with pytest.raises(ImportError, match=r"edgeemg|firmware_bridge"), needs_extra("wings", "fly"):
        exec(code)


def test_other_errors_pass_through_needs_extra() -> None:
    with pytest.raises(ZeroDivisionError), needs_extra("train", "training"):
        raise ZeroDivisionError
