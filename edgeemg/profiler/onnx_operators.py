"""An ONNX file in; its operators as onnxruntime runs them out."""

import json
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from edgeemg.errors import EngineError
from edgeemg.profiler.operator_kinds import Operator
from edgeemg.profiler.products import multiply_accumulates
from edgeemg.runtime.engine_onnx import session_options
from edgeemg.runtime.libraries import import_library

_TYPES = {"tensor(float)": np.float32, "tensor(int8)": np.int8, "tensor(uint8)": np.uint8}
# which input is an activation, where it is not the first
_FIRST = {"QLinearConcat": 2}


def onnx_operators(path: Path) -> Iterator[Operator]:
    """One inference under onnxruntime's own profiler, which names type and shape of every tensor.

    Raises MissingExtraError without onnxruntime, EngineError where it cannot run the file, or
    there is no room for what the profiler writes.
    """
    # repacked weights would not be listed as what an operator reads; what is fused stays the same
    for event in node_events(path, runs=1, prepacking=False):
        yield _operator(event["args"])


def node_events(path: Path, *, runs: int, prepacking: bool) -> list[dict[str, Any]]:
    """What onnxruntime's profiler tells of each operator of each of the runs, on zeros.

    Each event has a `name`, `dur` in microseconds and `args`. Errors as in `onnx_operators`.
    """
    purpose = f"reading the operators of {path.name}"
    ort, _ = import_library("onnx", purpose=purpose)
    try:
        with tempfile.TemporaryDirectory() as folder:
            written = _profiled(ort, path, Path(folder), runs=runs, prepacking=prepacking)
            events = json.loads(written.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # a full disk: no file, or half of one
        raise EngineError(
            f"{purpose} takes a small temporary file, which cannot be written ({error}): "
            "free some space, or set TMPDIR to a folder that has some"
        ) from error
    return [
        one
        for one in events
        if one.get("cat") == "Node" and "input_type_shape" in one.get("args", {})
    ]


def _profiled(ort: Any, path: Path, folder: Path, *, runs: int, prepacking: bool) -> Path:
    """The profile that onnxruntime writes into the folder."""
    options = session_options(ort)
    options.enable_profiling = True
    options.profile_file_prefix = str(folder / "operators")
    if not prepacking:
        options.add_session_config_entry("session.disable_prepacking", "1")
    try:
        session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        inputs = {one.name: np.zeros(one.shape, _TYPES[one.type]) for one in session.get_inputs()}
        for _ in range(runs):
            session.run(None, inputs)
        return Path(session.end_profiling())
    except Exception as error:
        reason = str(error).splitlines()[0]
        raise EngineError(f"{path}: onnxruntime cannot run it ({reason})") from error


def _operator(facts: dict[str, Any]) -> Operator:
    name = facts["op_name"]
    types = _types(facts["input_type_shape"])
    shapes = _shapes(facts["input_type_shape"])
    (output, *_) = _shapes(facts["output_type_shape"]) or [()]
    # the profiler does not say what is constant; of the activations the first has a known place
    first = _FIRST.get(name, 0)
    return Operator(
        name,
        activations=types[first : first + 1],
        constants=types[:first] + types[first + 1 :],
        outputs=_types(facts["output_type_shape"]),
        macs=multiply_accumulates(name, shapes, output),
    )


def _types(tensors: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    return tuple(kind for tensor in tensors for kind in tensor)


def _shapes(tensors: Iterable[dict[str, Any]]) -> list[tuple[int, ...]]:
    return [tuple(shape) for tensor in tensors for shape in tensor.values()]
