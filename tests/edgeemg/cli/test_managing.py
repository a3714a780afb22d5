"""What systemd and udev are told; programs in their place say what they were asked."""

import os
from pathlib import Path

import pytest

from edgeemg.cli import managing
from edgeemg.errors import EdgeEmgError


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a systemctl and a udevadm that do nothing, as on a system with systemd."""
    for name in ("systemctl", "udevadm"):
        (tmp_path / name).write_text(f'#!/bin/sh\necho "{name} $*" >> "{tmp_path}/asked"\n')
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.defpath}")
    monkeypatch.setattr(managing, "is_running", lambda: True)
    return tmp_path


def asked(folder: Path) -> list[str]:
    return (folder / "asked").read_text().splitlines()


def test_it_is_started_now_and_at_boot_after_rules_and_units_were_read(programs: Path) -> None:
    managing.start("emg")
    assert asked(programs)[0] == "systemctl daemon-reload"
    assert asked(programs)[-2:] == [
        "systemctl enable emg.service",
        "systemctl restart --no-block emg.service",
    ]


def test_devices_that_do_not_settle_keep_nothing_from_starting(programs: Path) -> None:
    with (programs / "udevadm").open("a") as script:
        script.write('[ "$1" != settle ]\n')
    managing.start("emg")
    assert any(line.startswith("udevadm settle") for line in asked(programs))
    assert asked(programs)[-1].startswith("systemctl restart")


@pytest.mark.parametrize(("user", "remedy"), [(0, ""), (1000, "; run it as root")])
def test_only_who_is_not_root_is_told_to_be(
    programs: Path, monkeypatch: pytest.MonkeyPatch, user: int, remedy: str
) -> None:
    (programs / "systemctl").write_text("#!/bin/sh\necho no such unit >&2\nexit 5\n")
    monkeypatch.setattr(os, "geteuid", lambda: user)
    with pytest.raises(EdgeEmgError) as caught:
        managing.stop("emg")
    assert str(caught.value).endswith(f"failed: no such unit{remedy}")
