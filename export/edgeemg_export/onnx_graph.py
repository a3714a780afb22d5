"""An ONNX file in; its tensors over windows out."""

from collections.abc import Iterator
from pathlib import Path

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
