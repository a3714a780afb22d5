"""Convolutions that leave one step over: cut, and the same integers all the same."""

from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from ai_edge_litert.tools import flatbuffer_utils

from edgeemg_export.tflite_graph import read_graph
from edgeemg_export.tflite_rows import split_rows

CUT = ["CONV_2D", "SLICE", "CONV_2D", "CONCATENATION"]


def convolution(
    path: Path, *, steps: int, dilation: int = 2, channels: int = 56, integers: bool = True
) -> Path:
    """A file of one convolution of three taps over that many steps; random weights."""
    rng = np.random.default_rng(0)
    kind = np.int8 if integers else np.float32
    weights = rng.integers(-127, 128, (channels, 1, 3, channels)).astype(kind)
    bias = rng.integers(-9000, 9000, channels).astype(np.int32 if integers else np.float32)
    model, graph, code = schema.ModelT(), schema.SubGraphT(), schema.OperatorCodeT()
    model.buffers = [schema.BufferT(), stored(weights), stored(bias)]
    scale = np.linspace(0.001, 0.003, channels).tolist()
    graph.tensors = [
        tensor("steps", [1, 1, steps + 2 * dilation, channels], 0, kind, [0.5]),
        tensor("weights", list(weights.shape), 1, kind, scale),
        tensor("bias", [channels], 2, bias.dtype.type, [one / 2 for one in scale]),
        tensor("out", [1, 1, steps, channels], 0, kind, [4.0]),
    ]
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CONV_2D
    code.version = 3
    one = schema.OperatorT()
    one.inputs, one.outputs = [0, 1, 2], [3]
    one.builtinOptionsType = schema.BuiltinOptions.Conv2DOptions
    one.builtinOptions = schema.Conv2DOptionsT()
    one.builtinOptions.padding = schema.Padding.VALID
    one.builtinOptions.strideW = one.builtinOptions.strideH = 1
    one.builtinOptions.dilationWFactor, one.builtinOptions.dilationHFactor = dilation, 1
    graph.inputs, graph.outputs, graph.operators = [0], [3], [one]
    model.version, model.subgraphs, model.operatorCodes = 3, [graph], [code]
    model.signatureDefs = [signature()]
    flatbuffer_utils.write_model(model, str(path))
    return path


def signature() -> schema.SignatureDefT:
    one = schema.SignatureDefT()
    one.signatureKey, one.subgraphIndex = b"serving_default", 0
    one.inputs, one.outputs = [schema.TensorMapT()], [schema.TensorMapT()]
    one.inputs[0].name, one.inputs[0].tensorIndex = b"steps", 0
    one.outputs[0].name, one.outputs[0].tensorIndex = b"out", 3
    return one


def stored(values: np.ndarray) -> schema.BufferT:
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(values.tobytes(), np.uint8)
    return buffer


def tensor(
    name: str, shape: list[int], buffer: int, kind: type, scale: list[float]
) -> schema.TensorT:
    made = schema.TensorT()
    made.name, made.shape, made.buffer = name.encode(), shape, buffer
    types = {np.int8: "INT8", np.int32: "INT32", np.float32: "FLOAT32"}
    made.type = getattr(schema.TensorType, types[kind])
    if kind is not np.float32:
        made.quantization = schema.QuantizationParametersT()
        made.quantization.scale, made.quantization.zeroPoint = scale, [0] * len(scale)
    return made


def answer(path: Path) -> np.ndarray:
    interpreter = Interpreter(model_path=str(path))
    interpreter.allocate_tensors()
    (taken,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()
    rng = np.random.default_rng(1)
    steps = rng.integers(-128, 128, taken["shape"]).astype(taken["dtype"])
    interpreter.set_tensor(taken["index"], steps)
    interpreter.invoke()
    return interpreter.get_tensor(given["index"])


def kinds(path: Path) -> list[str]:
    return [one.kind for one in read_graph(path).operators]


@pytest.mark.parametrize("steps", [5, 9])
@pytest.mark.parametrize("dilation", [1, 4])
def test_one_step_over_is_cut_off_and_every_integer_stays(tmp_path, steps, dilation):
    path = convolution(tmp_path / "model.tflite", steps=steps, dilation=dilation)
    wanted, size = answer(path), path.stat().st_size
    split_rows(path)
    assert kinds(path) == CUT
    given = answer(path)
    assert given.shape == (1, 1, steps, 56)
    assert len(np.unique(given)) > 50
    assert np.array_equal(given, wanted)
    assert path.stat().st_size < size + 1500  # the weights stand in it once


@pytest.mark.parametrize(
    "left", [{"steps": 4}, {"steps": 6}, {"steps": 8}, {"steps": 1}, {"steps": 5, "channels": 16}]
)
def test_what_leaves_no_step_over_or_has_few_weights_stays(tmp_path, left):
    path = convolution(tmp_path / "model.tflite", **left)
    split_rows(path)
    assert kinds(path) == ["CONV_2D"]


def test_floats_stay_whole_since_their_kernels_take_other_numbers_of_steps(tmp_path):
    path = convolution(tmp_path / "model.tflite", steps=5, integers=False)
    split_rows(path)
    assert kinds(path) == ["CONV_2D"]
