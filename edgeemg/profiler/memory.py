"""A process's /proc entry in, megabytes (10^6 bytes) out.

The peak is VmHWM: it belongs to the process alone. `resource.getrusage` would not do, its
`ru_maxrss` is inherited through exec from whatever large process started this one.
"""

from pathlib import Path

from edgeemg.profiler.children import Failure, run_python

_STATUS = Path("/proc/self/status")
_ROLLUP = Path("/proc/self/smaps_rollup")
_PATIENCE_S = 60


def resident_mb() -> float | None:
    """What this process holds in memory now (VmRSS); None where there is no /proc."""
    return _field(_STATUS, "VmRSS")


def proportional_mb() -> float | None:
    """The same with pages that others map too counted in shares (Pss); None where unknown.

    What is freed when this process ends, and so what a second one beside it would cost less.
    """
    return _field(_ROLLUP, "Pss")


def peak_mb() -> float | None:
    """The most that this process has held so far (VmHWM); None where there is no /proc."""
    return _field(_STATUS, "VmHWM")


def bare_mb(statement: str) -> float | None:
    """What a fresh Python holds after one statement, such as `pass` or `import numpy`.

    None where there is no /proc, and where the statement fails.
    """
    code = f"{statement}\nprint(open({str(_STATUS)!r}).read())"
    answer = run_python("-c", code, patience_s=_PATIENCE_S)
    return None if isinstance(answer, Failure) else parse_status(answer, "VmRSS")


def parse_status(text: str, field: str) -> float | None:
    """One field of /proc/PID/status or smaps_rollup, None where it is not there.

    Their kB are 1024 bytes.
    """
    for line in text.splitlines():
        name, _, value = line.partition(":")
        number = value.split()[:1]
        if name == field and number and number[0].isdecimal():
            return round(int(number[0]) * 1024 / 1e6, 3)
    return None


def _field(path: Path, name: str) -> float | None:
    try:
        return parse_status(path.read_text(encoding="ascii", errors="replace"), name)
    except OSError:
        return None
