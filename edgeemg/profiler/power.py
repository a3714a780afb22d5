"""The machine in; the watts that it says it draws out, and joules of one inference.

Few boards measure their own power. A Raspberry Pi 5 does (its power chip, by vcgencmd, without
what hangs on its 5 V pins); with a sensor chip such as an INA219 any board does (hwmon).
"""

import math
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path("/")
_ADC = re.compile(r"^\s*(\w+)_([AV]) (?:current|volt)\(\d+\)=([0-9.]+)[AV]\s*$")
_PATIENCE_S = 5
EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class Power:
    """What one reading says, and where it is from."""

    watts: float
    source: str


@dataclass(slots=True)
class Draw:
    """Readings while something ran: monotonic seconds and watts."""

    readings: list[tuple[float, float]] = field(default_factory=list)

    def mean_watts(self, *, last_s: float = math.inf) -> float | None:
        """Of so many seconds before the last reading; None without one."""
        if not self.readings:
            return None
        end = self.readings[-1][0]
        kept = [watts for at_s, watts in self.readings if end - at_s <= last_s]
        return sum(kept) / len(kept)


def read_power(root: Path = ROOT) -> Power | None:
    """What the machine draws now; None where nothing on it says so.

    root  holds /sys: hwmon's power1_input is in microwatts (Linux, Documentation/hwmon)
    """
    for chip in sorted(root.glob("sys/class/hwmon/hwmon*")):
        for name in ("power1_input", "power1_average"):
            watts = _number(chip / name, 1e-6)
            if watts is not None:
                return Power(watts, f"hwmon {_text(chip / 'name') or chip.name}")
    told = _firmware_rails()
    watts = parse_rails(told) if told is not None else None
    return None if watts is None else Power(watts, "vcgencmd pmic_read_adc")


def parse_rails(text: str) -> float | None:
    """Watts over all rails of which `vcgencmd pmic_read_adc` tells both current and voltage.

    None where there is none.
    """
    rails: dict[str, dict[str, float]] = {}
    for line in text.splitlines():
        if found := _ADC.match(line):
            rails.setdefault(found[1], {})[found[2]] = float(found[3])
    whole = [one["A"] * one["V"] for one in rails.values() if len(one) == 2]
    return sum(whole) if whole else None


@contextmanager
def watched(read: Callable[[], Power | None] = read_power) -> Iterator[Draw]:
    """Readings every 0.1 s for as long as the block lasts, in a thread."""
    draw, over = Draw(), threading.Event()

    def look() -> None:
        while not over.wait(EVERY_S):
            if (power := read()) is not None:
                draw.readings.append((time.monotonic(), power.watts))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield draw
    finally:
        over.set()
        thread.join()


def _firmware_rails() -> str | None:
    program = shutil.which("vcgencmd")
    if program is None:
        return None
    try:
        answer = subprocess.run(  # noqa: S603  # the Raspberry Pi's own tool, fixed arguments
            [program, "pmic_read_adc"],
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout if answer.returncode == 0 else None


def _number(path: Path, factor: float) -> float | None:
    try:
        return float(_text(path) or "") * factor
    except ValueError:
        return None


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None
