import sys
import tempfile
from pathlib import Path

import pytest

from edgeemg.errors import EngineError, MissingExtraError
from edgeemg.profiler.children import run_python
from edgeemg.profiler.operators import Operator, read_operators


@pytest.mark.parametrize(
    ("activations", "constants", "outputs", "kind"),
    [
        (("float32",), ("float32", "float32"), ("float32",), "other"),
        (("int8",), ("int8", "int32"), ("int8",), "int8"),
        (("uint8",), ("float", "int8"), ("uint8",), "int8"),
        (("uint8",), ("int8",), ("int32",), "int8"),  # an integer product, not yet rescaled
        (("float",), ("float", "uint8"), ("uint8",), "conversion"),
        (("int8",), (), ("float32",), "conversion"),
        (("float32",), ("int8", "float32"), ("float32",), "int8 weights"),
        (("float", "float"), ("int64",), ("float",), "other"),
    ],
)
def test_an_operator_is_what_its_tensors_are(
    activations: tuple[str, ...], constants: tuple[str, ...], outputs: tuple[str, ...], kind: str
) -> None:
    assert Operator("any", activations, constants, outputs).kind == kind


@pytest.mark.parametrize("engine", ["onnx", "tflite"])
def test_a_float_file_works_on_no_integers(tiny_bundle: Path, engine: str) -> None:
    found = read_operators(tiny_bundle / f"model.{engine}", engine)
    assert (found.int8, found.int8_weights, found.conversions) == (0, 0, 0)
    assert found.total == sum(found.counts.values()) >= 8


def test_a_static_int8_tflite_works_on_integers_throughout(tiny_bundle: Path) -> None:
    found = read_operators(tiny_bundle / "model.int8.tflite", "tflite")
    assert found.seen_in == "file"
    assert found.counts["CONV_2D"] == 4
    assert "DELEGATE" not in found.counts
    assert found.int8 == found.total


def test_a_static_int8_onnx_is_counted_as_onnxruntime_fuses_it(tiny_bundle: Path) -> None:
    found = read_operators(tiny_bundle / "model.int8.onnx", "onnx")
    assert found.seen_in == "engine"
    assert found.counts["QLinearConv"] == 4
    assert found.conversions == found.counts["QuantizeLinear"] + found.counts["DequantizeLinear"]
    assert 4 <= found.int8 < found.total


def test_a_linear_layer_quantised_on_the_fly_has_int8_weights(tmp_path: Path) -> None:
    """onnxruntime's dynamic recipe and TFLite's are the same thing under other names."""
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper
    from onnxruntime.quantization import quantize_dynamic

    tensors = [helper.make_tensor_value_info(one, TensorProto.FLOAT, [1, 8]) for one in "xy"]
    weights = numpy_helper.from_array(np.eye(8, dtype=np.float32), "w")
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    graph = helper.make_graph([node], "linear", [tensors[0]], [tensors[1]], [weights])
    opset = [helper.make_opsetid("", 13)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), tmp_path / "float.onnx")
    quantize_dynamic(tmp_path / "float.onnx", tmp_path / "model.onnx")
    found = read_operators(tmp_path / "model.onnx", "onnx")
    assert found.int8_weights + found.int8 >= 1
    assert read_operators(tmp_path / "float.onnx", "onnx").int8_weights == 0


@pytest.mark.parametrize(
    ("engine", "library"), [("onnx", "onnxruntime"), ("tflite", "ai_edge_litert")]
)
def test_a_missing_engine_names_its_extra(
    tiny_bundle: Path, engine: str, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    extra = {"onnx": "onnx", "tflite": "litert"}[engine]
    with pytest.raises(MissingExtraError, match=rf"model\.{engine}.*'edgeemg\[{extra}\]'"):
        read_operators(tiny_bundle / f"model.{engine}", engine)


def test_without_room_for_a_temporary_file_it_says_what_it_needs(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(EngineError, match=r"model\.onnx takes a small temporary file.*free some"):
        read_operators(tiny_bundle / "model.onnx", "onnx")


def test_half_a_temporary_file_is_no_traceback(tiny_bundle: Path) -> None:
    """As on a disk that is full: files end after some bytes."""
    program = (
        "import resource, signal, sys; from pathlib import Path; "
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)); "
        "from edgeemg.errors import EngineError; "
        "from edgeemg.profiler.operators import read_operators\n"
        "try: read_operators(Path(sys.argv[1]), 'onnx')\n"
        "except EngineError as error: print(error)"
    )
    said = run_python("-c", program, str(tiny_bundle / "model.onnx"), patience_s=60)
    assert isinstance(said, str), said
    assert "takes a small temporary file, which cannot be written" in said


@pytest.mark.parametrize("engine", ["onnx", "tflite"])
def test_a_file_that_is_no_model_is_an_engine_error(tmp_path: Path, engine: str) -> None:
    path = tmp_path / f"model.{engine}"
    path.write_bytes(b"not a model at all")
    with pytest.raises(EngineError, match=path.name):
        read_operators(path, engine)


def test_an_engine_of_the_future_is_named(tiny_bundle: Path) -> None:
    with pytest.raises(EngineError, match="upgrade edgeemg: this version knows no engine 'ncnn'"):
        read_operators(tiny_bundle / "model.onnx", "ncnn")
