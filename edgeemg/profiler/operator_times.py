"""An ONNX file in; how long each of its operators takes here out, in a process of its own.

onnxruntime alone tells: TFLite's Python interpreter has no such profile.
`python -m edgeemg.profiler.operator_times FILE RUNS` prints one JSON list.
"""

import json
import sys
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgeemg.errors import EdgeEmgError
from edgeemg.profiler.children import Failure, run_python
from edgeemg.profiler.onnx_operators import node_events
from edgeemg.profiler.products import multiply_accumulates

_PATIENCE_S = 600
WARM_UP = 20  # runs that do not count
RUNS = 200
_SUFFIX = "_kernel_time"


@dataclass(frozen=True, slots=True)
class OperatorTime:
    """One operator of the file as onnxruntime runs it.

    p50_us  with the profiler's own share, about a microsecond
    macs    multiply-accumulates; None where it is a product and its shapes do not tell
    """

    name: str
    kind: str
    p50_us: float
    macs: int | None


def operator_times(path: Path, *, runs: int) -> list[OperatorTime]:
    """In the order in which they run. EngineError where onnxruntime cannot run the file."""
    # as a device runs it; without repacking the shapes of weights are told, too
    events = node_events(path, runs=WARM_UP + runs, prepacking=True)
    shapes = {one["name"]: one["args"] for one in node_events(path, runs=1, prepacking=False)}
    spent: dict[str, list[float]] = defaultdict(list)
    for one in events:
        spent[one["name"]].append(float(one["dur"]))
    return [
        OperatorTime(
            name=name.removesuffix(_SUFFIX),
            kind=shapes[name]["op_name"],
            p50_us=float(np.median(each[WARM_UP:])),
            macs=_macs(shapes[name]),
        )
        for name, each in spent.items()
        if name in shapes
    ]


def measure_operators(path: Path) -> list[OperatorTime] | Failure:
    """The same in a fresh process, which may die of it."""
    answer = run_python(
        *("-m", "edgeemg.profiler.operator_times", str(path), str(RUNS)), patience_s=_PATIENCE_S
    )
    if isinstance(answer, Failure):
        return answer
    try:
        return [OperatorTime(**one) for one in json.loads(answer)]
    except (ValueError, TypeError) as error:
        return Failure(f"it printed something else than operators ({error})")


def _macs(facts: dict[str, Any]) -> int | None:
    inputs, outputs = (
        [tuple(shape) for tensor in facts[one] for shape in tensor.values()]
        for one in ("input_type_shape", "output_type_shape")
    )
    return multiply_accumulates(facts["op_name"], inputs, outputs[0] if outputs else ())


def _main(file: str, runs: str) -> None:
    try:
        measured = operator_times(Path(file), runs=int(runs))
    except EdgeEmgError as error:
        sys.exit(str(error))
    json.dump([asdict(one) for one in measured], sys.stdout)


if __name__ == "__main__":
    _main(*sys.argv[1:])
