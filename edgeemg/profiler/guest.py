"""One file of a bundle in; its answers to the golden inputs out, inside the emulated process.

`python -m edgeemg.profiler.guest BUNDLE ENGINE PRECISION RUNS` prints one JSON object and makes
the marks between which the counter counts. Nothing is loaded here that the runtime does not load.
"""

import gc
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeemg.errors import EdgeEmgError
from edgeemg.profiler.marks import EMPTY, START, STOP, mark
from edgeemg.runtime.bundle import open_bundle
from edgeemg.runtime.engines import FileEngine, open_engine

# Inferences before the counted ones: kernels are chosen and packed, Python has specialised its
# bytecode (PEP 659), and memory is as large as it gets.
WARM_UP = 20


def answer(folder: Path, engine: str, precision: str, *, runs: int) -> dict[str, object]:
    """Load the file, answer the golden inputs, warm up, count `runs` inferences."""
    bundle = open_bundle(folder)
    loaded = open_engine(bundle, engine, precision)
    inputs, _ = bundle.golden()
    logits = [loaded.logits(one[None]).tolist() for one in inputs]
    count(_stepper(loaded, inputs), runs=runs)
    # with the date of its build: Debian's point releases change no version number
    python = sys.version.partition(" [")[0]
    return {"library": loaded.name, "python": python, "logits": logits}


def _stepper(loaded: FileEngine, inputs: NDArray[np.float32]) -> Callable[[int], object]:
    """One decision on the n-th golden input: of a stream, on the newest hop of it."""
    hops = [np.ascontiguousarray(one[None, :, -loaded.hop_samples :]) for one in inputs]
    state = loaded.start()

    def step(n: int) -> object:
        nonlocal state
        logits, state = loaded.step(hops[n % len(hops)], state)
        return logits

    return step


def count(step: Callable[[int], object], *, runs: int) -> None:
    """Warm up, then run steps between two marks. `step` takes its number."""
    for n in range(WARM_UP):
        step(n)
    settle()
    mark(EMPTY)
    mark(EMPTY)
    mark(START)
    for n in range(runs):
        step(n)
    mark(STOP)


def settle() -> None:
    """Python's collector looks through all that is loaded every so often, and would do so within
    one count and not the next: a tenth of a small network. It is told that nothing of it will go.
    """
    gc.collect()
    gc.freeze()


def _main(folder: str, engine: str, precision: str, runs: str) -> None:
    try:
        answered = answer(Path(folder), engine, precision, runs=int(runs))
    except EdgeEmgError as error:
        sys.exit(str(error))
    json.dump(answered, sys.stdout)


if __name__ == "__main__":
    _main(*sys.argv[1:])
