"""This system in; what on it would stop edgeemg from working out, each with its remedy.

Nothing here imports numpy: a numpy that dies of an illegal instruction is one of the findings.
"""

import ctypes
import datetime
import os
import platform
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edgeemg.profiler.board import Machine
from edgeemg.profiler.children import Failure, run_python

_PATIENCE_S = 60
_OLDEST_PYTHON = (3, 11)
_NUMPY = ((1, 26), (3, 0))  # from, and below
_YEARS = (2025, 2100)  # of this project: a clock that says other has never been set
_DISK_MB = (10, 200)  # below: nothing can be written; below: not for long
_TIMEX_BYTES = 256  # more than struct timex has on any Linux; modes, its first field, 0: only ask
_UNSYNCHRONISED = 5  # TIME_ERROR of adjtimex(2)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `remedy` says what to do where it is not ok."""

    name: str
    status: Literal["ok", "warn", "fail"]
    found: str
    remedy: str | None = None


def system_checks(machine: Machine, folder: Path) -> Iterator[Check]:
    """Word size, Python, the disk of `folder`, the clock."""
    yield _word_size(machine)
    yield _python()
    yield disk_check(folder)
    yield clock_check(datetime.datetime.now(tz=datetime.UTC).year)


def _word_size(machine: Machine) -> Check:
    bits = struct.calcsize("P") * 8
    found = f"{bits}-bit Python on {machine.machine}, {machine.system or 'an unknown system'}"
    if bits == 64:
        return Check("64-bit", "ok", found)
    remedy = (
        "install the 64-bit Raspberry Pi OS: onnxruntime and LiteRT have no 32-bit wheels; "
        "or stay and use 'edgeemg[tflite-runtime]' on Python 3.11"
    )
    return Check("64-bit", "warn", found, remedy)


def _python() -> Check:
    found = platform.python_version()
    if sys.version_info[:2] >= _OLDEST_PYTHON:
        return Check("Python", "ok", found)
    return Check("Python", "fail", found, "use Python 3.11 or newer")


def numpy_check() -> Check:
    """Imports numpy and multiplies, in a process of its own."""
    code = "import numpy; numpy.ones(64) @ numpy.ones(64); print(numpy.__version__)"
    answer = run_python("-c", code, patience_s=_PATIENCE_S)
    if isinstance(answer, Failure):
        remedy = "pip install --force-reinstall 'numpy>=1.26,<3'"
        return Check("numpy", "fail", answer.reason, remedy)
    version = answer.strip()
    numbers = tuple(int(one) for one in version.split(".")[:2])
    if _NUMPY[0] <= numbers < _NUMPY[1]:
        return Check("numpy", "ok", f"{version} runs")
    return Check("numpy", "fail", version, "pip install 'numpy>=1.26,<3'")


def disk_check(folder: Path) -> Check:
    """Whether recordings and logs find room in `folder`."""
    free_mb = shutil.disk_usage(folder).free / 1e6
    found = f"{free_mb:,.0f} MB free in {folder}"
    if os.statvfs(folder).f_flag & os.ST_RDONLY:
        remedy = "write elsewhere, or remount it: a card that is worn out turns read only"
        return Check("disk", "warn", f"{folder} is read only", remedy)
    too_little, little = _DISK_MB
    if free_mb >= little:
        return Check("disk", "ok", found)
    status: Literal["warn", "fail"] = "fail" if free_mb < too_little else "warn"
    return Check("disk", status, found, "free some space: recordings and logs need it")


def clock_check(year: int) -> Check:
    """Whether the clock, which says `year`, was ever set, and whether a server sets it."""
    remedy = "connect the board once, or: sudo timedatectl set-ntp true"
    first, last = _YEARS
    if year < first:
        return Check("clock", "warn", f"it says {year}: never set", remedy)
    if year > last:
        return Check("clock", "warn", f"it says {year}: set wrongly", remedy)
    synchronised = _asked_of_systemd()
    if synchronised is None:
        synchronised = _asked_of_kernel()
    if synchronised is None:
        return Check("clock", "ok", f"it says {year}; whether a server sets it is unknown")
    if synchronised:
        return Check("clock", "ok", f"it says {year}, set over the network")
    found = f"it says {year}, and no server has set it: dates of recordings may be wrong"
    return Check("clock", "warn", found, remedy)


def _asked_of_systemd() -> bool | None:
    program = shutil.which("timedatectl")
    if program is None:
        return None
    try:
        answer = subprocess.run(  # noqa: S603  # the system's own tool, fixed arguments
            [program, "show", "--property=NTPSynchronized", "--value"],
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return {"yes": True, "no": False}.get(answer.stdout.strip())


def _asked_of_kernel() -> bool | None:
    """adjtimex(2), which every daemon that sets the clock keeps up to date."""
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError):  # not Linux
        return None
    return None if state < 0 else bool(state != _UNSYNCHRONISED)
