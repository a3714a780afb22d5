"""One model file in; its latency, memory and golden answers out, in a process of its own.

`python -m edgeemg.profiler.latency FILE ENGINE PRECISION GOLDEN RUNS` prints one JSON object.
Nothing is loaded here that the runtime does not load: what is measured is what a device pays.
"""

import json
import math
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from edgeemg.errors import EdgeEmgError
from edgeemg.profiler.memory import peak_mb, proportional_mb, resident_mb
from edgeemg.runtime.archives import read_arrays
from edgeemg.runtime.engines import ENGINES, FileEngine
from edgeemg.runtime.heads import Head, HeadedEngine
from edgeemg.runtime.libraries import import_library

T = TypeVar("T")
Logits = tuple[tuple[float | None, ...], ...]  # (n, class); None for what is not a number
WARM_UP = 50  # inferences before the timed ones


@dataclass(frozen=True, slots=True)
class Measurement:
    """One model file in one fresh process.

    engine_version      as in `onnxruntime 1.22.0`
    latencies_us        one a timed inference, in order
    cpu_share           CPU time over wall time of the timed inferences: below 1, others ran too
    memory_mb           resident after each stage (runtime, engine, loaded) and at its peak; pss is
                        the proportional set size at the end
    logits              what it answers to the golden inputs
    """

    engine_version: str
    import_ms: float
    load_ms: float
    first_us: float
    latencies_us: tuple[float, ...]
    cpu_share: float
    memory_mb: dict[str, float | None]
    logits: Logits


def measure(
    path: Path, engine: str, precision: str, golden: Path, *, runs: int, head: Path | None = None
) -> Measurement:
    """Import, load, run once, answer the golden inputs, warm up, then time `runs`.

    head  the last layer that calibration put in place of the file's own
    """
    memory = {"runtime": resident_mb()}
    import_ms, _ = _timed_ms(lambda: import_library(engine, purpose=f"running {path.name}"))
    memory["engine"] = resident_mb()
    load_ms, loaded = _timed_ms(lambda: _opened(path, engine, precision, head))
    memory["loaded"] = resident_mb()
    with np.load(golden, allow_pickle=False) as arrays:
        inputs = arrays["inputs"]
    first_ms, _ = _timed_ms(lambda: loaded.logits(inputs[:1]))
    logits = np.stack([loaded.logits(window[None]) for window in inputs])
    latencies_us, cpu_share = _latencies(loaded, inputs, runs)
    memory["peak"] = peak_mb()
    memory["pss"] = proportional_mb()
    return Measurement(
        engine_version=loaded.name,
        import_ms=import_ms,
        load_ms=load_ms,
        first_us=first_ms * 1000,
        latencies_us=tuple(latencies_us.tolist()),
        cpu_share=cpu_share,
        memory_mb=memory,
        logits=tuple(tuple(_number(one) for one in row) for row in logits.tolist()),
    )


def _opened(path: Path, engine: str, precision: str, head: Path | None) -> FileEngine:
    opened = ENGINES[engine](path, precision)
    if head is None:
        return opened
    return HeadedEngine(opened, Head(**read_arrays(head, ("weight", "bias"))))


def _latencies(
    engine: FileEngine, inputs: NDArray[np.float32], runs: int
) -> tuple[NDArray[np.float64], float]:
    """(runs,) microseconds of one decision each, and the share of the wall time on the CPU.

    A streaming model decides after every hop, so a hop is what is timed of it.
    """
    windows = [np.ascontiguousarray(one[None, ..., -engine.hop_samples :]) for one in inputs]
    state = engine.start()
    for n in range(WARM_UP):
        _, state = engine.step(windows[n % len(windows)], state)
    ticks = np.empty((runs, 2), dtype=np.int64)
    cpu, wall = time.process_time_ns(), time.perf_counter_ns()
    for n in range(runs):
        window = windows[n % len(windows)]
        start = time.perf_counter_ns()
        _, state = engine.step(window, state)
        ticks[n] = start, time.perf_counter_ns()
    cpu, wall = time.process_time_ns() - cpu, time.perf_counter_ns() - wall
    return np.diff(ticks, axis=1)[:, 0] / 1000, cpu / wall


def _timed_ms(work: Callable[[], T]) -> tuple[float, T]:
    start = time.perf_counter_ns()
    result = work()
    return (time.perf_counter_ns() - start) / 1e6, result


def _number(value: float) -> float | None:
    """JSON has no word for what is not a number."""
    return value if math.isfinite(value) else None


def _main(file: str, engine: str, precision: str, golden: str, runs: str, *head: str) -> None:
    layer = Path(head[0]) if head else None
    try:
        measured = measure(Path(file), engine, precision, Path(golden), runs=int(runs), head=layer)
    except EdgeEmgError as error:
        sys.exit(str(error))
    json.dump(asdict(measured), sys.stdout)


if __name__ == "__main__":
    _main(*sys.argv[1:])
