"""One file of a bundle in; how long each stage of a hop takes here out, in a process of its own.

`python -m edgeemg.profiler.stage_times BUNDLE ENGINE PRECISION HOPS` prints one JSON object.
"""

import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgeemg.errors import EdgeEmgError, EngineError
from edgeemg.profiler.children import Failure, run_python
from edgeemg.profiler.percentiles import percentiles
from edgeemg.profiler.stages import LAPS, STAGES, Pipeline
from edgeemg.runtime.bundle import open_bundle
from edgeemg.runtime.engines import open_engine
from edgeemg.typed_json import build

_PATIENCE_S = 600
MOST_HOPS = 500  # of one process: enough for a p99, and a second or two


@dataclass(frozen=True, slots=True)
class StageTimes:
    """Microseconds of every hop in order, for each of STAGES, and of all of them together."""

    stages: dict[str, tuple[float, ...]]
    hop: tuple[float, ...]


def stage_times(folder: Path, engine: str, precision: str, *, hops: int) -> StageTimes:
    """Take so many hops from bytes to a decision, after a warm-up."""
    bundle = open_bundle(folder)
    pipeline = Pipeline(bundle.manifest, open_engine(bundle, engine, precision))
    ticks: list[int] = []  # LAPS of every hop, one behind the other
    for _ in range(hops):
        pipeline.hop(lambda _: ticks.append(time.perf_counter_ns()))
    spent_us = np.diff(np.reshape(ticks, (hops, len(LAPS))), axis=1) / 1000
    return StageTimes(
        stages={name: tuple(spent_us[:, n].tolist()) for n, name in enumerate(STAGES)},
        hop=tuple(spent_us.sum(axis=1).tolist()),
    )


def measure_stages(folder: Path, engine: str, precision: str, *, hops: int) -> StageTimes | Failure:
    """The same in a fresh process, which may die of it."""
    answer = run_python(
        *("-m", "edgeemg.profiler.stage_times", str(folder), engine, precision, str(hops)),
        patience_s=_PATIENCE_S,
    )
    if isinstance(answer, Failure):
        return answer
    try:
        return build(StageTimes, json.loads(answer), whole="stage times", error=EngineError)
    except (ValueError, EngineError) as error:
        return Failure(f"it printed something else than stage times ({error})")


def stage_row(times: StageTimes) -> dict[str, Any]:
    """Percentiles of each stage and of the hop, and each stage's share of the whole time."""
    whole = sum(times.hop)
    return {
        "stages_us": {name: percentiles(one) for name, one in times.stages.items()},
        "hop_us": percentiles(times.hop),
        "shares": {name: round(sum(one) / whole, 4) for name, one in times.stages.items()},
    }


def _main(folder: str, engine: str, precision: str, hops: str) -> None:
    try:
        measured = stage_times(Path(folder), engine, precision, hops=int(hops))
    except EdgeEmgError as error:
        sys.exit(str(error))
    json.dump(asdict(measured), sys.stdout)


if __name__ == "__main__":
    _main(*sys.argv[1:])
