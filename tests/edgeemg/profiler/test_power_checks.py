from dataclasses import replace
from pathlib import Path

import pytest

from edgeemg.profiler.board import State, read_state
from edgeemg.profiler.power_checks import power_check

CALM = State("performance", 1500.0, 1500.0, 48.2, "0x0", 0.1)


def laid_out(root: Path, *, throttled: str | None = None, alarm: str | None = None) -> Path:
    """What a Raspberry Pi's kernel says in files."""
    files = {
        "sys/devices/platform/soc/soc:firmware/get_throttled": throttled,
        "sys/class/hwmon/hwmon0/name": "cpu_thermal",
        "sys/class/hwmon/hwmon1/name": "rpi_volt" if alarm else None,
        "sys/class/hwmon/hwmon1/in0_lcrit_alarm": alarm,
    }
    for name, text in files.items():
        if text is not None:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(f"{text}\n")
    return root


@pytest.mark.parametrize(
    ("word", "status", "said"),
    [
        (None, "ok", "throttling unknown"),
        ("0x0", "ok", "never throttled (0x0), 48 °C"),
        ("0x50000", "warn", "since start: under-voltage, throttled"),
        ("0x50005", "fail", "now: under-voltage, throttled"),
    ],
)
def test_supply_and_heat_are_told(word: str | None, status: str, said: str, tmp_path: Path) -> None:
    check = power_check(replace(CALM, throttled=word), tmp_path)
    assert check.status == status
    assert check.found.startswith(said)
    assert (check.remedy is None) == (status == "ok")


@pytest.mark.parametrize(
    ("throttled", "alarm", "status", "said"),
    [
        ("50005", "1", "fail", "now: under-voltage, throttled (0x50005), 48 °C"),
        ("50000", "0", "warn", "since start: under-voltage, throttled (0x50000), 48 °C"),
        ("0", None, "ok", "never throttled (0x0), 48 °C"),
        (None, "1", "fail", "now: under-voltage, 48 °C"),
        (None, "0", "ok", "no under-voltage now, 48 °C"),
        ("nonsense", None, "ok", "throttling unknown: the board does not say, 48 °C"),
    ],
)
def test_without_vcgencmd_the_kernel_tells(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    throttled: str | None,
    alarm: str | None,
    status: str,
    said: str,
) -> None:
    monkeypatch.setenv("PATH", "")
    root = laid_out(tmp_path, throttled=throttled, alarm=alarm)
    check = power_check(replace(CALM, throttled=read_state(root).throttled), root)
    assert (check.status, check.found) == (status, said)


def test_a_hot_board_is_a_warning_before_it_slows_down(tmp_path: Path) -> None:
    check = power_check(replace(CALM, temperature_c=81.0), tmp_path)
    assert (check.status, check.found) == ("warn", "never throttled (0x0), 81 °C")
