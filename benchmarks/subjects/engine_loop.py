"""An engine and ready windows in; answers, times and peak memory of this process, as JSON, out.

    python engine_NAME.py MODEL WINDOWS RUNS

Each `engine_*.py` gives `load`, which opens a file and returns what answers one window; this is
what they share, so that all are asked in the same way. Runs on this machine, in an environment
without edgeemg, and in an emulated process, where marks stand around the runs that are counted.
"""

import gc
import json
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

try:
    from edgeemg.profiler.marks import EMPTY, START, STOP, mark
except ImportError:  # no counter watches
    EMPTY = START = STOP = 0

    def mark(label: int) -> None:  # as in edgeemg.profiler.marks
        """Nothing."""


Floats = NDArray[np.float32]
Answer = Callable[[Floats], Floats]  # (1, channel, time) float32 -> (class,) float32
_WARM_UP = 20


def run_as_told(load: Callable[[Path], Answer]) -> None:
    """What the command line asks, printed."""
    model, windows, runs = sys.argv[1:]
    json.dump(_asked(load, Path(model), np.load(windows), int(runs)), sys.stdout)


def _asked(
    load: Callable[[Path], Answer], model: Path, windows: Floats, runs: int
) -> dict[str, object]:
    began_s = time.perf_counter()
    answer = load(model)
    load_ms = 1e3 * (time.perf_counter() - began_s)
    began_s = time.perf_counter()
    answer(windows[:1])
    first_ms = 1e3 * (time.perf_counter() - began_s)
    logits = [answer(one[None]).tolist() for one in windows]
    inputs = [np.ascontiguousarray(one[None]) for one in windows[:_WARM_UP]]
    for one in inputs:
        answer(one)
    gc.collect()
    gc.freeze()
    _counted(answer, inputs)
    took_ns = [_timed(answer, inputs[n % len(inputs)]) for n in range(runs)]
    return {
        "load_ms": load_ms,
        "first_ms": first_ms,
        "p50_us": float(np.median(took_ns)) / 1e3,
        "p10_us": float(np.quantile(took_ns, 0.1)) / 1e3,
        "p99_us": float(np.quantile(took_ns, 0.99)) / 1e3,
        "peak_rss_mb": _peak_rss_mb(),
        "logits": logits,
    }


def _counted(answer: Answer, inputs: list[Floats]) -> None:
    """One run of each input between the marks."""
    for label in (EMPTY, EMPTY, START):
        mark(label)
    for one in inputs:
        answer(one)
    mark(STOP)


def _timed(answer: Answer, window: Floats) -> int:
    began_ns = time.perf_counter_ns()
    answer(window)
    return time.perf_counter_ns() - began_ns


def _peak_rss_mb() -> float:
    """Of this process, in 10^6 bytes; 0 where the system does not say, as under qemu."""
    with suppress(OSError, StopIteration):
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
        return int(next(one for one in lines if one.startswith("VmHWM")).split()[1]) * 1024 / 1e6
    return 0.0
