"""A clock and a program in; the same program out, which lives by that clock.

    python another_clock.py CLOCK SPEED edgeemg run BUNDLE --port PORT

CLOCK is a file with one float64, the seconds that time.monotonic is to give, which another process
moves on; or `own`: this machine's clock, SPEED times as fast. Naps and waits for a port are SPEED
times shorter. Nothing else of the program differs. It is a module's name, or a script.
"""

import mmap
import runpy
import select
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any


def _nap_sooner(nap: Any, speed: float, seconds: float) -> None:
    nap(seconds / speed)


def main() -> None:
    clock, speed = sys.argv[1], float(sys.argv[2])
    program, sys.argv[:] = sys.argv[3], sys.argv[3:]
    nap, wait, real_s = time.sleep, select.select, time.monotonic

    def select_sooner(
        read: Any, write: Any, failed: Any, timeout_s: float | None = None
    ) -> tuple[Any, Any, Any]:
        return wait(read, write, failed, None if timeout_s is None else timeout_s / speed)

    # partial, as what they stand for is no function either: a class may hold them
    if clock == "own":
        time.monotonic = partial(_scaled, real_s, speed)
    else:
        time.monotonic = partial(_shared(Path(clock)).__getitem__, 0)
    time.sleep = partial(_nap_sooner, nap, speed)
    select.select = select_sooner
    if program.endswith(".py"):
        runpy.run_path(program, run_name="__main__")
    else:
        runpy.run_module(program, run_name="__main__", alter_sys=True)


def _shared(clock_file: Path) -> "memoryview[float]":
    with clock_file.open("rb") as file:
        return memoryview(mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ)).cast("d")


def _scaled(real_s: Callable[[], float], speed: float) -> float:
    return real_s() * speed


if __name__ == "__main__":
    main()
