from pathlib import Path

import pytest

from edgeemg.errors import MissingToolError
from edgeemg.profiler.counter import Tools, compile_counter, find_tools

TOOLS = ("qemu-aarch64", "gcc", "dpkg-deb")


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """`programs(help_text, *names)`: a PATH that holds only these."""

    def only(help_text: str, *names: str) -> None:
        folder = tmp_path / "bin"
        folder.mkdir()
        for name in names:
            (folder / name).write_text(f"#!/bin/sh\necho '{help_text}'\n")
            (folder / name).chmod(0o755)
        monkeypatch.setenv("PATH", str(folder))

    return only


@pytest.mark.parametrize("absent", TOOLS)
def test_what_is_missing_is_named_with_how_to_install_it(programs, absent: str) -> None:
    programs("-plugin", *(name for name in TOOLS if name != absent))
    with pytest.raises(MissingToolError, match=rf"needs {absent}, .*apt install") as refused:
        find_tools()
    assert all(name not in str(refused.value).split(",")[0] for name in TOOLS if name != absent)


def test_all_that_is_missing_is_named_at_once(programs) -> None:
    programs("")
    with pytest.raises(MissingToolError, match="needs qemu-aarch64, gcc, dpkg-deb"):
        find_tools()


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ("qemu-aarch64 version 7.2.22, -cpu model", "without plugins"),
        ("qemu-aarch64 version 10.0.2, -cpu model -plugin file", "is qemu 10, whose"),
    ],
)
def test_a_qemu_that_cannot_count_is_refused(programs, told: str, why: str) -> None:
    programs(told, *TOOLS)
    with pytest.raises(MissingToolError, match=rf"{why}.* put qemu 7\.2 before it"):
        find_tools()


def test_tools_that_are_there_are_found(programs, tmp_path: Path) -> None:
    programs("qemu-aarch64 version 7.2.22, -plugin file", *TOOLS)
    assert find_tools() == Tools(tmp_path / "bin/qemu-aarch64", tmp_path / "bin/gcc")


def test_a_compiler_that_fails_leaves_no_counter(tmp_path: Path) -> None:
    with pytest.raises(MissingToolError, match="cannot compile"):
        compile_counter(Tools(Path("/bin/true"), Path("/bin/false")), tmp_path)
    assert list(tmp_path.iterdir()) == []
