import os
import subprocess
from pathlib import Path

import pytest

from edgeemg.profiler.board import read_machine
from edgeemg.profiler.checks import Check, clock_check, disk_check, numpy_check, system_checks


def checked(root: Path, folder: Path) -> dict[str, Check]:
    found = system_checks(read_machine(root), folder)
    return {check.name: check for check in found}


def test_this_machine_is_looked_at_whole(tmp_path: Path) -> None:
    found = checked(Path("/"), tmp_path)
    assert list(found) == ["64-bit", "Python", "disk", "clock"]
    assert found["64-bit"].status == "ok"
    assert found["Python"].status == "ok"
    assert str(tmp_path) in found["disk"].found


def test_a_clock_that_no_server_sets_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "timedatectl"
    for answer, status in (("no", "warn"), ("yes", "ok")):
        program.write_text(f"#!/bin/sh\necho {answer}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.defpath}")
        assert checked(tmp_path, tmp_path)["clock"].status == status


def test_without_systemd_the_kernel_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # no timedatectl
    found = clock_check(2026).found
    assert "set over the network" in found or "no server has set it" in found


def test_a_clock_far_ahead_is_a_warning() -> None:
    assert clock_check(2150).found == "it says 2150: set wrongly"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts")
def test_a_disk_that_is_read_only_is_a_warning(tmp_path: Path) -> None:
    mount = ["mount", "-t", "tmpfs", "-o", "ro,size=1m", "tmpfs", str(tmp_path)]
    if subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("this system lets nobody mount")
    try:
        check = disk_check(tmp_path)
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)
    assert (check.status, check.found) == ("warn", f"{tmp_path} is read only")


def test_a_clock_that_was_never_set_is_a_warning() -> None:
    check = clock_check(1970)
    assert (check.status, check.found) == ("warn", "it says 1970: never set")
    assert "timedatectl" in (check.remedy or "")


def test_numpy_runs_here() -> None:
    assert numpy_check().status == "ok"


def test_a_numpy_that_dies_is_a_finding(shadowed) -> None:
    shadowed("numpy")
    check = numpy_check()
    assert check.status == "fail"
    assert check.found.startswith("SIGILL (illegal instruction")
    assert "force-reinstall" in (check.remedy or "")


@pytest.mark.parametrize("version", ["1.25.2", "3.0.0"])
def test_a_numpy_that_is_not_supported_is_a_finding(version: str, shadowed) -> None:
    code = "class ones:\n  __init__ = __matmul__ = lambda *_: None\n"
    shadowed("numpy", f"{code}__version__ = {version!r}\n")
    assert numpy_check() == Check("numpy", "fail", version, "pip install 'numpy>=1.26,<3'")
