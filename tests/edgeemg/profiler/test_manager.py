import os
from pathlib import Path

import pytest

from edgeemg.profiler.manager import facts_of, is_running


def test_systemd_runs_where_it_has_its_folder(tmp_path: Path) -> None:
    assert not is_running(tmp_path)
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    assert is_running(tmp_path)


@pytest.fixture
def systemctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in its place, which a test fills."""
    program = tmp_path / "systemctl"
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.defpath}")
    return program


def test_what_systemctl_says_is_read(systemctl: Path) -> None:
    systemctl.write_text(
        '#!/bin/sh\necho "$@" > "$0.asked"\n'
        'echo ActiveState=active; echo "StatusText=a=b c"; echo Noise=1; echo noise\n'
    )
    assert facts_of("emg") == {"ActiveState": "active", "StatusText": "a=b c"}
    assert systemctl.with_name("systemctl.asked").read_text().endswith("-- emg.service\n")


@pytest.mark.parametrize("script", ["#!/bin/sh\nexit 1\n", "no program"])
def test_a_systemctl_that_fails_says_nothing(systemctl: Path, script: str) -> None:
    systemctl.write_text(script)
    assert facts_of("emg") == {}


def test_without_systemctl_nothing_is_known(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert facts_of("emg") == {}
