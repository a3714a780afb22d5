import grp
import os
import pty
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgeemg.profiler.port_checks import busy_check, port_check, port_checks


@pytest.fixture
def device() -> Iterator[Path]:
    """A pseudo-terminal: to the system a serial port like any other."""
    master, slave = pty.openpty()
    yield Path(os.ttyname(slave))
    os.close(master)
    os.close(slave)


def test_a_port_that_may_be_opened_is_ok(device: Path) -> None:
    check = port_check(device, "FT231X USB UART")
    assert (check.name, check.status, check.found) == (str(device), "ok", "FT231X USB UART")


def test_without_the_right_the_devices_own_group_is_named(device: Path, request) -> None:
    device.chmod(0)
    group = grp.getgrgid(device.stat().st_gid).gr_name
    request.getfixturevalue("without_privileges")
    check = port_check(device)
    assert check.status == "fail"
    assert "no permission" in check.found
    expected = "only root may open it" if group == "root" else f"sudo usermod -aG {group} "
    assert expected in (check.remedy or "")


def test_a_port_that_is_hardly_the_sensors_only_warns(device: Path, request) -> None:
    device.chmod(0)
    request.getfixturevalue("without_privileges")
    assert port_check(device, needed=False).status == "warn"


def test_the_latency_timer_of_an_ftdi_adapter_is_told(device: Path, tmp_path: Path) -> None:
    timer = tmp_path / "sys/class/tty" / device.name / "device/latency_timer"
    assert "latency timer" not in port_check(device, root=tmp_path).found
    timer.parent.mkdir(parents=True)
    timer.write_text("16\n")
    assert "latency timer 16 ms" in port_check(device, root=tmp_path).found
    timer.write_text("1\n")
    assert "latency timer" not in port_check(device, root=tmp_path).found


@pytest.mark.parametrize("program", ["brltty", "ModemManager"])
def test_a_program_that_opens_every_port_is_named(program: str, tmp_path: Path) -> None:
    shutil.copy(shutil.which("sleep") or "/bin/sleep", tmp_path / program)
    before = {check.name for check in port_checks()}
    if program in before:
        pytest.skip(f"{program} runs here")
    process = subprocess.Popen([tmp_path / program, "60"])
    try:
        deadline = time.monotonic() + 10
        while not (found := [one for one in port_checks() if one.name == program]):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        process.kill()
        process.wait()
    assert found[0].status == "warn"
    assert "sudo" in (found[0].remedy or "")
    assert program not in {check.name for check in port_checks()}


def test_looking_for_ports_always_says_something(tmp_path: Path) -> None:
    found = list(port_checks())
    assert found
    assert all(check.remedy for check in found if check.status != "ok")


def test_a_busy_port_of_a_service_that_runs_is_ok(
    device: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unit = tmp_path / "etc/systemd/system/emg.service"
    unit.parent.mkdir(parents=True)
    first = "# written by `edgeemg service install`; sha256 of what follows: 0"
    unit.write_text(f'{first}\nExecStart=:"/python" "run" "b" "--port={device}" "--wait"\n')
    (tmp_path / "systemctl").write_text("#!/bin/sh\necho ActiveState=active\n")
    (tmp_path / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.defpath}")
    check = busy_check("open", device, root=tmp_path)
    assert (check.status, check.found) == ("ok", "in use by the service emg")
    unit.write_text("[Service]\n")
    assert busy_check("open", device, root=tmp_path).status in ("warn", "fail")
