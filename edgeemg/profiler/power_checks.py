"""What a board's firmware and its sensors say of supply and heat in; what to do out."""

from pathlib import Path

from edgeemg.profiler.board import (
    ROOT,
    State,
    throttling_now,
    throttling_since_boot,
)
from edgeemg.profiler.checks import Check

_VOLTAGE = "rpi_volt"  # its kernel driver: drivers/hwmon/raspberrypi-hwmon.c
_HOT_C = 80.0  # a Raspberry Pi begins to slow down here
_REMEDY = "use the board's own power supply and a short cable, or cool it; then restart it"
_NAME = "power, heat"


def power_check(state: State, root: Path = ROOT) -> Check:
    """What a Raspberry Pi says of supply and heat; `root` holds /sys."""
    low = _low_voltage(root)
    warm = "" if state.temperature_c is None else f", {state.temperature_c:.0f} °C"
    if state.throttled is None and low is None:
        return _by_heat(state, f"throttling unknown: the board does not say{warm}")
    word = f" ({state.throttled}){warm}" if state.throttled else warm
    now = dict.fromkeys([*throttling_now(state), *(["under-voltage"] if low else [])])
    if now:
        return Check(_NAME, "fail", f"now: {', '.join(now)}{word}", _REMEDY)
    if earlier := throttling_since_boot(state):
        return Check(_NAME, "warn", f"since start: {', '.join(earlier)}{word}", _REMEDY)
    if state.throttled is None:
        return _by_heat(state, f"no under-voltage now{word}")
    return _by_heat(state, f"never throttled{word}")


def _by_heat(state: State, found: str) -> Check:
    if state.temperature_c is not None and state.temperature_c >= _HOT_C:
        return Check(_NAME, "warn", found, "cool it: it slows down, or soon will")
    return Check(_NAME, "ok", found)


def _low_voltage(root: Path) -> bool | None:
    """The alarm of the supply's watcher: since it was last asked; None where there is none."""
    for one in sorted(root.glob("sys/class/hwmon/hwmon*")):
        if _text(one / "name") == _VOLTAGE:
            return _text(one / "in0_lcrit_alarm") == "1"
    return None


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return None
