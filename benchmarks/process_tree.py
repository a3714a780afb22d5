"""A process id in; CPU seconds and memory of that process and its children out, from Linux.

CPU time is read from each process's own clock (clock_getcpuclockid(3)), in nanoseconds and with
all threads, and not from /proc/PID/stat, which counts hundredths of a second.
"""

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_PROC = Path("/proc")
_SCHED = 2  # CPUCLOCK_SCHED, of the whole process; linux/include/linux/posix-timers.h


class Memory(NamedTuple):
    """Megabytes (10^6 bytes) over a process and its children.

    peak_rss_mb  sum of each one's highest resident memory; pages that they share count each time
    pss_mb       proportional, now: a shared page is divided among those that have it
    """

    peak_rss_mb: float
    pss_mb: float


def tree(pid: int) -> Iterator[int]:
    """The process and all that it started and that still run."""
    yield pid
    with suppress(OSError):
        for task in sorted((_PROC / str(pid) / "task").iterdir()):
            for child in (task / "children").read_text(encoding="ascii").split():
                yield from tree(int(child))


def cpu_s(pids: list[int]) -> float:
    """User and system seconds of these processes so far. OSError where one has ended."""
    return sum(time.clock_gettime((~pid << 3) | _SCHED) for pid in pids)


def memory(pids: list[int]) -> Memory:
    """What these processes hold. OSError where one has ended."""
    peak = sum(_kib(_PROC / str(pid) / "status", "VmHWM") for pid in pids)
    pss = sum(_kib(_PROC / str(pid) / "smaps_rollup", "Pss") for pid in pids)
    return Memory(peak * 1024 / 1e6, pss * 1024 / 1e6)


def _kib(path: Path, field: str) -> int:
    for line in path.read_text(encoding="ascii", errors="replace").splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0])
    raise OSError(f"{path} has no {field}")
