"""A finished model file in; the same file out, which gives its embedding as well as the logits.

The embedding is what the last linear layer reads: `edgeemg calibrate` fits that layer anew from it,
without torch and without the rest of the network. The tensor is in the file already, so nothing
more is computed. It is the last of the outputs, so that what reads the others by place finds them.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from edgeemg.train.fit import predict
from edgeemg_export.tflite_rewriting import read_for_rewriting

OUTPUT_NAME = "embedding"
_PRODUCTS = {"Gemm", "MatMul", "FULLY_CONNECTED", "BATCH_MATMUL"}


def last_layer(model: nn.Module) -> nn.Linear:
    """The layer whose outputs are the logits; every family calls it `head`."""
    head = model.get_submodule("head")
    assert isinstance(head, nn.Linear), "every family ends in a linear layer"
    return head


def embeddings(model: nn.Module, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """(window, channel, time) -> (window, width): what the last layer reads, in PyTorch."""
    pieces: list[torch.Tensor] = []
    hook = last_layer(model).register_forward_hook(lambda _, read, __: pieces.append(read[0]))
    try:
        predict(model, inputs)
    finally:
        hook.remove()
    together: NDArray[np.float32] = torch.cat(pieces).numpy()
    return together


def expose(path: Path, engine: str) -> None:
    """Let the file of an engine, "onnx" or "tflite", give its embedding too, in place."""
    _EXPOSING[engine](path)


def _in_onnx(path: Path) -> None:
    import onnx
    from onnx import TensorProto, helper

    model = onnx.load(str(path))
    graph = model.graph
    producers = {name: node for node in graph.node for name in node.output}
    constants = {one.name for one in graph.initializer}
    read = _onnx_embedding(graph.output[0].name, producers, constants)
    head = producers.get(read)
    if head is not None and head.op_type == "DequantizeLinear":
        # one of its own: a product whose input is read elsewhere would not run in integers
        graph.node.append(helper.make_node("DequantizeLinear", head.input, [OUTPUT_NAME]))
        graph.node[-1].name = OUTPUT_NAME
    else:
        for node in graph.node:
            for names in (node.input, node.output):
                names[:] = [OUTPUT_NAME if name == read else name for name in names]
    shape = _onnx_shape(model, OUTPUT_NAME)
    graph.output.append(helper.make_tensor_value_info(OUTPUT_NAME, TensorProto.FLOAT, shape))
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def _onnx_embedding(name: str, producers: dict[str, Any], constants: set[str]) -> str:
    """What the product reads that this tensor comes from, through sums and changes of form."""
    while True:
        node = producers[name]
        name = next(
            one for one in node.input if one and not _is_constant(one, producers, constants)
        )
        if node.op_type in _PRODUCTS:
            return name


def _is_constant(name: str, producers: dict[str, Any], constants: set[str]) -> bool:
    if name in constants:
        return True
    node = producers.get(name)
    return node is not None and all(_is_constant(one, producers, constants) for one in node.input)


def _onnx_shape(model: Any, name: str) -> list[int]:
    from onnx import shape_inference

    inferred = shape_inference.infer_shapes(model).graph.value_info
    (found,) = [one for one in inferred if one.name == name]
    return [one.dim_value for one in found.type.tensor_type.shape.dim]


def _in_tflite(path: Path) -> None:
    graph = read_for_rewriting(path)
    tensor = graph.outputs[0]
    while True:
        operator = graph.producers[tensor]
        tensor = next(one for one in map(int, operator.inputs) if not graph.is_constant(one))
        if graph.name(operator) in _PRODUCTS:
            break
    graph.append_output(tensor, OUTPUT_NAME)
    graph.write(path)


_EXPOSING: dict[str, Callable[[Path], None]] = {"onnx": _in_onnx, "tflite": _in_tflite}
