"""A network in, ONNX files out: float from torch's exporter, int8 by the family's recipe."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from edgeemg.manifest import Manifest
from edgeemg_export.tflite_file import STATIC, WEIGHT_ONLY

METADATA_KEY = "edgeemg.manifest"
INPUT_NAME = "emg"
OUTPUT_NAME = "logits"
# Static where a family is not named; tflite_file says why these two are not. onnxruntime's
# quantize_dynamic would round the activations before each product, which is too coarse for lda.
RECIPES = {"fft-cnn": WEIGHT_ONLY, "lda": WEIGHT_ONLY}
_OPSET = 18
_PRODUCTS = {"Conv", "MatMul", "Gemm"}  # their second input is the weights
_PERCENTILE = 99.99  # of values: an electrode pop does not set a tensor's range


def write_onnx(model: nn.Module, example: NDArray[np.float32], path: Path) -> None:
    """Export the network; the shape of `example` (1, channel, time) becomes the file's."""
    program = torch.onnx.export(
        model,
        (torch.from_numpy(example),),
        input_names=[INPUT_NAME],
        output_names=[OUTPUT_NAME],
        opset_version=_OPSET,
        dynamo=True,
        external_data=False,
    )
    assert program is not None, "the dynamo exporter returns a program"
    program.save(str(path), external_data=False)


def quantize_onnx(
    source: Path, target: Path, calibration: NDArray[np.float32], *, family: str
) -> str:
    """Quantise with the family's recipe and return its name.

    `calibration` is (window, channel, time); a recipe with float activations needs none.
    """
    name = RECIPES.get(family, STATIC)
    if name == WEIGHT_ONLY:
        _narrow_weights(source, target)
    else:
        _quantize_static(source, target, calibration)
    return name


def _quantize_static(source: Path, target: Path, calibration: NDArray[np.float32]) -> None:
    """Static int8 QDQ, weights by channel.

    Convolutions, matrix products, and the pooling and ReLU between them become integers; norms
    and softmax stay float.
    """
    from onnxruntime.quantization import (
        CalibrationMethod,
        QuantFormat,
        QuantType,
        quantize_static,
    )
    from onnxruntime.quantization.shape_inference import quant_pre_process

    prepared = target.with_suffix(".prepared.onnx")
    quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
    try:
        quantize_static(
            str(prepared),
            str(target),
            _Calibration(calibration),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.Percentile,
            extra_options={"CalibPercentile": _PERCENTILE},
            op_types_to_quantize=["Conv", "MatMul", "Gemm", "MaxPool", "Relu"],
        )
    finally:
        prepared.unlink(missing_ok=True)


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


def add_manifest(path: Path, manifest: Manifest) -> None:
    """Write the manifest, without files and parity, into the file's own metadata.

    The exporter's notes go: they hold stack traces with the paths of the machine it ran on.
    """
    import onnx

    model = onnx.load(str(path))
    graph = model.graph
    for part in (graph, *graph.node, *graph.input, *graph.output, *graph.value_info):
        del part.metadata_props[:]
        part.doc_string = ""
    onnx.helper.set_model_props(model, {METADATA_KEY: manifest.portable().dumps()})
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


class _Calibration:
    """What onnxruntime calls a calibration data reader: one window at a time, then None."""

    def __init__(self, windows: NDArray[np.float32]) -> None:
        self._left: Iterator[NDArray[np.float32]] = iter(windows)

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        window = next(self._left, None)
        return None if window is None else {INPUT_NAME: window[None]}
