import os
from dataclasses import replace
from pathlib import Path

import pytest

from edgeemg.profiler.board import State, read_machine, read_state
from edgeemg.profiler.checks import Check, clock_check, numpy_check, power_check, system_checks

CALM = State("performance", 1500.0, 1500.0, 48.2, "0x0", 0.1)


def checked(root: Path, folder: Path) -> dict[str, Check]:
    found = system_checks(read_machine(root), read_state(root), folder, root)
    return {check.name: check for check in found}


def test_this_machine_is_looked_at_whole(tmp_path: Path) -> None:
    found = checked(Path("/"), tmp_path)
    assert list(found) == ["64-bit", "Python", "power, heat", "memory", "disk", "clock"]
    assert found["64-bit"].status == "ok"
    assert found["Python"].status == "ok"
    assert str(tmp_path) in found["disk"].found


def test_little_memory_is_a_warning(pi_4: Path, tmp_path: Path) -> None:
    check = checked(pi_4, tmp_path)["memory"]
    assert (check.status, check.found) == ("warn", "92 MB available")
    assert check.remedy


def test_a_clock_that_no_server_sets_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "timedatectl"
    for answer, status in (("no", "warn"), ("yes", "ok"), ("nonsense", "ok")):
        program.write_text(f"#!/bin/sh\necho {answer}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.defpath}")
        assert checked(tmp_path, tmp_path)["clock"].status == status


def test_a_clock_that_was_never_set_is_a_warning() -> None:
    check = clock_check(1970)
    assert (check.status, check.found) == ("warn", "it says 1970: never set")
    assert "timedatectl" in (check.remedy or "")


@pytest.mark.parametrize(
    ("word", "status", "said"),
    [
        (None, "ok", "throttling unknown"),
        ("0x0", "ok", "never throttled (0x0), 48 °C"),
        ("0x50000", "warn", "since start: under-voltage, throttled"),
        ("0x50005", "fail", "now: under-voltage, throttled"),
    ],
)
def test_supply_and_heat_are_told(word: str | None, status: str, said: str) -> None:
    check = power_check(replace(CALM, throttled=word))
    assert check.status == status
    assert check.found.startswith(said)
    assert (check.remedy is None) == (status == "ok")


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
