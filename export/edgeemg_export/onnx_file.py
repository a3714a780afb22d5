"""A network in, ONNX files out: float from torch's exporter, int8 by a recipe."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from edgeemg.errors import ModelError
from edgeemg.manifest import Manifest
from edgeemg_export.calibration import Range, ranges
from edgeemg_export.onnx_graph import run, share_constants
from edgeemg_export.recipes import HEAD, STEM, WEIGHT_ONLY, Recipe

METADATA_KEY = "edgeemg.manifest"
INPUT_NAME = "emg"
OUTPUT_NAME = "logits"
_OPSET = 18
_PRODUCTS = {"Conv", "MatMul", "Gemm"}  # their second input is the weights
# What a static recipe makes int8. Residual sums are among them: a convolution before one would
# stay float for want of an integer output.
_INTEGER = ("Conv", "MatMul", "Gemm", "MaxPool", "Relu", "Clip", "Add", "Slice")
_SHORTER = (
    ("_DequantizeLinear_Output", ".f"),
    ("_QuantizeLinear_Output", ".q"),
    ("_QuantizeLinear_Input", ".i"),
    ("_zero_point", ".z"),
    ("_scale", ".s"),
    ("_quantized", ".8"),
)


def write_onnx(
    model: nn.Module,
    example: NDArray[np.float32],
    path: Path,
    *,
    state: Mapping[str, torch.Tensor] | None = None,
    dividing: int = 0,  # noqa: ARG001  # one signature with TFLite
) -> None:
    """Export the network; the shape of `example` (1, channel, time) becomes the file's.

    state  what a stream takes besides, by name; its outputs are then the logits and `<name>_next`
    """
    states = state or {}
    program = torch.onnx.export(
        model,
        (torch.from_numpy(example), *states.values()),
        input_names=[INPUT_NAME, *states],
        output_names=[OUTPUT_NAME, *(f"{name}_next" for name in states)],
        opset_version=_OPSET,
        dynamo=True,
        external_data=False,
    )
    assert program is not None, "the dynamo exporter returns a program"
    program.save(str(path), external_data=False)


def quantize_onnx(
    source: Path, target: Path, calibration: NDArray[np.float32], recipe: Recipe
) -> None:
    """Quantise by the recipe.

    calibration  (window, channel, time); a recipe with float activations needs none
    """
    if recipe.name == WEIGHT_ONLY:
        _narrow_weights(source, target)
    else:
        _quantize_static(source, target, calibration, recipe.kept_float)


def _quantize_static(
    source: Path, target: Path, calibration: NDArray[np.float32], kept_float: tuple[str, ...]
) -> None:
    """Static int8 QDQ, weights by channel."""
    found = ranges(run(source, calibration))
    write_static(source, target, found, kept_float)


def write_static(
    source: Path, target: Path, found: dict[str, Range], kept_float: tuple[str, ...]
) -> None:
    """The file `source` with its products in int8, over these ranges of activations."""
    import onnx
    from onnxruntime.quantization import CalibrationMethod, QuantType
    from onnxruntime.quantization.calibrate import TensorsData
    from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

    model = onnx.shape_inference.infer_shapes(onnx.load(str(source)))  # it asks for types
    limits = {
        name: (np.array(low, np.float32), np.array(high, np.float32))
        for name, (low, high) in found.items()
    }
    work = QDQQuantizer(
        model,
        per_channel=True,
        reduce_range=False,
        weight_qType=QuantType.QInt8,
        activation_qType=QuantType.QInt8,
        tensors_range=TensorsData(CalibrationMethod.MinMax, limits),
        nodes_to_quantize=[],
        nodes_to_exclude=_excluded(model.graph, kept_float),
        op_types_to_quantize=[one for one in _INTEGER if one not in kept_float],
        extra_options={},
    )
    work.quantize_model()
    work.model.save_model_to_file(str(target))  # sorts the operators as well


def _excluded(graph: Any, kept_float: tuple[str, ...]) -> list[str]:
    """Names of nodes that a type alone does not single out."""
    kinds = [node.op_type for node in graph.node]
    stem = kinds.index("MaxPool") + 1 if STEM in kept_float and "MaxPool" in kinds else 0
    names = [node.name for node in graph.node[:stem]]
    if HEAD in kept_float:
        names += [node.name for node in graph.node if graph.output[0].name in node.output]
    return names


def _narrow_weights(source: Path, target: Path) -> None:
    """Weights of convolutions and matrix products as int8 by channel; biases stay float.

    onnxruntime has no such recipe for convolutions. It turns a DequantizeLinear before a matrix
    product into MatMulNBits, which rounds activations too; Cast and Mul it folds into float
    weights once, when it loads the file. So the file is small, and runs as the float one does.
    """
    import onnx
    from onnx import helper, numpy_helper

    model = onnx.load(str(source))
    graph = model.graph
    axes = {one.input[1]: _output_axis(one) for one in graph.node if one.op_type in _PRODUCTS}
    unfolding = []
    for weights in [one for one in graph.initializer if one.name in axes]:
        name = weights.name
        integers, scale = _int8_by_channel(numpy_helper.to_array(weights), axes[name])
        graph.initializer.remove(weights)
        graph.initializer.append(numpy_helper.from_array(integers, f"{name}.int8"))
        graph.initializer.append(numpy_helper.from_array(scale, f"{name}.scale"))
        as_float = f"{name}.float"
        unfolding += [
            helper.make_node("Cast", [f"{name}.int8"], [as_float], to=onnx.TensorProto.FLOAT),
            helper.make_node("Mul", [as_float, f"{name}.scale"], [name]),
        ]
    nodes = [*unfolding, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)  # ONNX wants them in the order in which they run
    onnx.save(model, str(target))


def _output_axis(product: Any) -> int:
    """The axis of the weights that numbers the outputs, of a Conv, MatMul or Gemm node."""
    transposed = any(one.name == "transB" and one.i for one in product.attribute)
    return 0 if transposed or product.op_type == "Conv" else -1


def _int8_by_channel(
    weights: NDArray[np.float32], axis: int
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Integers of the same shape, and a scale for each slice along `axis`, ready to multiply."""
    others = tuple(set(range(weights.ndim)) - {axis % weights.ndim})
    scale = np.abs(weights).max(axis=others, keepdims=True) / 127
    scale = np.where(scale > 0, scale, 1).astype(np.float32)
    return np.rint(weights / scale).astype(np.int8), scale


def finish(path: Path, manifest: Manifest) -> None:
    """Take out what no engine needs and write the manifest, without files and parity, in.

    The exporter's notes hold stack traces with the paths of the machine it ran on. Raises
    ModelError where a batch normalisation is left.
    """
    import onnx

    model = onnx.load(str(path))
    graph = model.graph
    left = [node.name for node in graph.node if node.op_type == "BatchNormalization"]
    if left:
        raise ModelError(f"{path.name} holds batch normalisation that was not folded: {left}")
    for part in (graph, *graph.node, *graph.input, *graph.output):
        del part.metadata_props[:]
        part.doc_string = ""
    del graph.value_info[:]  # shapes follow from the operators
    share_constants(graph)
    _shorten(graph)
    used = {node.domain for node in graph.node}
    kept = [one for one in model.opset_import if one.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(kept)
    compact = json.dumps(
        json.loads(manifest.portable().dumps()), separators=(",", ":"), ensure_ascii=False
    )
    onnx.helper.set_model_props(model, {METADATA_KEY: compact})
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def _shorten(graph: Any) -> None:
    """Names of nodes and of the quantiser's tensors, which are a seventh of a small file."""
    for n, node in enumerate(graph.node):
        node.name = f"{n}"
        for names in (node.input, node.output):
            names[:] = [_short(name) for name in names]
    for one in graph.initializer:
        one.name = _short(one.name)


def _short(name: str) -> str:
    for long, short in _SHORTER:
        name = name.replace(long, short)
    return name
