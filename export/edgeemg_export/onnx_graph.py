"""An ONNX file in; its tensors over windows out, or its graph without repetitions."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def run(path: Path, windows: NDArray[np.float32]) -> Iterator[dict[str, NDArray[np.float32]]]:
    """For each window every float activation by name, the input too; nothing is optimised away."""
    import onnx
    import onnxruntime as ort

    model = onnx.load(str(path))
    graph = model.graph
    (entry,) = graph.input
    made = [name for node in graph.node for name in node.output if name]
    del graph.output[:]
    graph.output.extend(onnx.ValueInfoProto(name=name) for name in made)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = [one.name for one in session.get_outputs()]
    for window in windows:
        values = dict(zip(names, session.run(None, {entry.name: window[None]}), strict=True))
        tensors = {name: one for name, one in values.items() if one.dtype == np.float32}
        yield {entry.name: window[None], **tensors}


def share_constants(graph: Any) -> None:
    """Let nodes read one constant where they read several equal ones, in place.

    Every quantised layer brings its own zero points, which are all zero.
    """
    first: dict[bytes, str] = {}
    instead: dict[str, str] = {}
    for one in list(graph.initializer):
        content = type(one)()
        content.CopyFrom(one)
        content.name = ""
        key = content.SerializeToString(deterministic=True)
        instead[one.name] = first.setdefault(key, one.name)
        if instead[one.name] != one.name:
            graph.initializer.remove(one)
    for node in graph.node:
        node.input[:] = [instead.get(name, name) for name in node.input]
