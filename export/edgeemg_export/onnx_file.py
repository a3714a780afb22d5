"""A network in, ONNX files out: float from torch's exporter, int8 from onnxruntime's quantiser."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from edgeemg.manifest import Manifest

METADATA_KEY = "edgeemg.manifest"
INPUT_NAME = "emg"
OUTPUT_NAME = "logits"
RECIPE = "static_wi8_ai8"  # 8-bit weights by channel, 8-bit activations, calibrated
_OPSET = 18
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
    source: Path,
    target: Path,
    calibration: NDArray[np.float32],
    *,
    family: str,  # noqa: ARG001  # one recipe serves all families; TFLite's quantiser has two
) -> str:
    """Static int8 QDQ, weights by channel; `calibration` is (window, channel, time).

    Returns the recipe's name. Convolutions, matrix products, and the pooling and ReLU between
    them become integers; norms and softmax stay float.
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
    return RECIPE


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
