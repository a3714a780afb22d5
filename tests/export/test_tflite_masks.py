"""Masks of attention: a quarter of the bytes, and the same floats."""

from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from ai_edge_litert.tools import flatbuffer_utils

from edgeemg_export.tflite_graph import read_graph
from edgeemg_export.tflite_masks import pack_masks

BAND = np.where(np.tri(20, 28, 8, dtype=bool), 0, -1e4).astype(np.float32)


def adding(path: Path, values: np.ndarray) -> Path:
    """A file that adds these values to what comes in."""
    model, graph, code = schema.ModelT(), schema.SubGraphT(), schema.OperatorCodeT()
    full = schema.BufferT()
    full.data = np.frombuffer(values.tobytes(), np.uint8)
    model.buffers = [schema.BufferT(), full]
    graph.tensors = [tensor(name, values.shape, name == b"mask") for name in (b"in", b"mask", b"x")]
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.ADD
    code.version = 1
    one = schema.OperatorT()
    one.inputs, one.outputs = [0, 1], [2]
    one.builtinOptionsType = schema.BuiltinOptions.AddOptions
    one.builtinOptions = schema.AddOptionsT()
    graph.inputs, graph.outputs, graph.operators = [0], [2], [one]
    ends = schema.SignatureDefT()
    ends.signatureKey, ends.subgraphIndex = b"serving_default", 0
    ends.inputs, ends.outputs = [schema.TensorMapT()], [schema.TensorMapT()]
    ends.inputs[0].name, ends.inputs[0].tensorIndex = b"in", 0
    ends.outputs[0].name, ends.outputs[0].tensorIndex = b"x", 2
    model.version, model.subgraphs, model.operatorCodes = 3, [graph], [code]
    model.signatureDefs = [ends]
    flatbuffer_utils.write_model(model, str(path))
    return path


def tensor(name: bytes, shape: tuple[int, ...], buffer: int) -> schema.TensorT:
    made = schema.TensorT()
    made.name, made.shape, made.buffer = name, list(shape), int(buffer)
    made.type = schema.TensorType.FLOAT32
    return made


def answer(path: Path) -> np.ndarray:
    interpreter = Interpreter(model_path=str(path))
    interpreter.allocate_tensors()
    (taken,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()
    values = np.random.default_rng(0).normal(0, 3, taken["shape"]).astype(np.float32)
    answers = []
    for _ in "12":  # what is unpacked once must still be there
        interpreter.set_tensor(taken["index"], values)
        interpreter.invoke()
        answers.append(interpreter.get_tensor(given["index"]))
    return np.stack(answers)


def test_a_mask_takes_a_quarter_of_the_bytes_and_adds_the_same_floats(tmp_path):
    path = adding(tmp_path / "model.tflite", BAND)
    wanted, size = answer(path), path.stat().st_size
    pack_masks(path)
    assert path.stat().st_size < size - 2.5 * BAND.size
    assert [one.kind for one in read_graph(path).operators] == ["DEQUANTIZE", "ADD"]
    assert np.array_equal(answer(path), wanted)


@pytest.mark.parametrize(
    "values",
    [
        BAND[:5, :13],
        np.where(BAND < 0, BAND, 0.5).astype(np.float32),
        -BAND,
        np.random.default_rng(1).normal(size=(20, 28)).astype(np.float32),
        np.zeros((20, 28), np.float32),
    ],
    ids=["small", "no zeros", "positive", "many values", "zeros alone"],
)
def test_what_is_no_mask_or_gains_nothing_stays(tmp_path, values):
    path = adding(tmp_path / "model.tflite", values)
    before = path.read_bytes()
    pack_masks(path)
    assert path.read_bytes() == before
