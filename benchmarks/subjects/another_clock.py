"""A clock and a program in; the same program out, which lives by that clock.

    python another_clock.py CLOCK_FILE SPEED edgeemg run BUNDLE --port PORT

CLOCK_FILE holds one float64: the seconds that time.monotonic is to give, which another process
moves on. Naps and waits for a port are SPEED times shorter. Nothing else of the program differs.
"""

import mmap
import runpy
import select
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any


def _nap_sooner(nap: Any, speed: float, seconds: float) -> None:
    nap(seconds / speed)


def main() -> None:
    clock_file, speed = Path(sys.argv[1]), float(sys.argv[2])
    program, sys.argv[:] = sys.argv[3], sys.argv[3:]
    with clock_file.open("rb") as file:
        now = memoryview(mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ)).cast("d")
    nap, wait = time.sleep, select.select

    def select_sooner(
        read: Any, write: Any, failed: Any, timeout_s: float | None = None
    ) -> tuple[Any, Any, Any]:
        return wait(read, write, failed, None if timeout_s is None else timeout_s / speed)

    # partial, as what they stand for is no function either: a class may hold them
    time.monotonic = partial(now.__getitem__, 0)
    time.sleep = partial(_nap_sooner, nap, speed)
    select.select = select_sooner
    runpy.run_module(program, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
