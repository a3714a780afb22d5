import sys
import tempfile
from pathlib import Path

import pytest

from edgeemg.errors import EngineError, MissingExtraError
from edgeemg.manifest import read_manifest
from edgeemg.profiler.children import run_python
from edgeemg.profiler.operators import read_operators


@pytest.mark.parametrize("engine", ["onnx", "tflite"])
def test_a_float_file_works_on_no_integers(tiny_bundle: Path, engine: str) -> None:
    found = read_operators(tiny_bundle / f"model.{engine}", engine)
    assert (found.int8, found.int8_weights, found.conversions) == (0, 0, 0)
    assert (found.unpacking, found.int8_macs) == (0, 0)
    assert found.other == found.total == sum(found.counts.values()) >= 8


def test_a_static_int8_tflite_works_on_integers_but_for_what_its_recipe_keeps_float(
    tiny_bundle: Path,
) -> None:
    found = read_operators(tiny_bundle / "model.int8.tflite", "tflite")
    assert found.seen_in == "file"
    assert found.counts["CONV_2D"] == 3
    assert "DELEGATE" not in found.counts
    assert found.int8 + found.conversions + found.other == found.total
    assert found.int8 >= found.counts["CONV_2D"]
    assert found.conversions == found.counts["QUANTIZE"] + found.counts["DEQUANTIZE"]
    assert found.other < found.int8


@pytest.mark.parametrize("precision", ["", ".int8"])
@pytest.mark.parametrize("engine", ["onnx", "tflite"])
def test_multiply_accumulates_of_a_file_are_those_of_the_network(
    tiny_bundle: Path, engine: str, precision: str
) -> None:
    found = read_operators(tiny_bundle / f"model{precision}.{engine}", engine)
    network = read_manifest(tiny_bundle).model.macs
    assert found.macs is not None
    # a converter may pad a kernel with zeros, to fill what the processor multiplies at once
    assert network <= found.macs < 1.5 * network
    assert found.int8_macs is not None
    if precision:
        assert 0.5 * found.macs < found.int8_macs <= found.macs  # a recipe keeps some float
    else:
        assert found.int8_macs == 0


@pytest.mark.parametrize("precision", ["", ".int8"])
def test_xnnpack_takes_all_or_what_it_leaves_is_named(tiny_bundle: Path, precision: str) -> None:
    found = read_operators(tiny_bundle / f"model{precision}.tflite", "tflite")
    assert found.delegated is not None
    assert found.delegated.partitions >= 1
    assert found.delegated.operators + sum(found.delegated.outside.values()) == found.total
    assert found.delegated.operators >= found.counts["CONV_2D"]


def test_onnxruntime_has_no_delegate(tiny_bundle: Path) -> None:
    assert read_operators(tiny_bundle / "model.onnx", "onnx").delegated is None


def test_weights_stored_in_int8_and_run_in_float_are_called_unpacked(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    from ai_edge_quantizer import quantizer, recipe

    work = quantizer.Quantizer(str(tiny_bundle / "model.tflite"))
    work.load_quantization_recipe(recipe.weight_only_wi8_afp32())
    work.quantize().export_model(str(tmp_path / "model.tflite"))
    found = read_operators(tmp_path / "model.tflite", "tflite")
    products = found.counts["CONV_2D"] + found.counts["FULLY_CONNECTED"]
    assert found.unpacking == found.counts["DEQUANTIZE"] == products >= 4
    assert (found.int8, found.int8_weights, found.conversions, found.int8_macs) == (0, 0, 0, 0)


def test_a_static_int8_onnx_is_counted_as_onnxruntime_fuses_it(tiny_bundle: Path) -> None:
    found = read_operators(tiny_bundle / "model.int8.onnx", "onnx")
    assert found.seen_in == "engine"
    assert found.counts["QLinearConv"] >= 2  # the first convolution may stay float
    assert found.conversions == found.counts["QuantizeLinear"] + found.counts["DequantizeLinear"]
    assert 2 <= found.int8 < found.total


def test_the_operators_of_an_int8_onnx_are_those_of_the_engine_that_runs_it(
    tiny_streams: tuple[Path, Path],
) -> None:
    """With onnxruntime's own options, x86 would run every convolution of it in float."""
    windows, _ = tiny_streams
    found = read_operators(windows / "model.int8.onnx", "onnx")
    assert found.counts["QLinearConv"] == 3  # of four; the first stays float
    assert found.macs is not None
    assert found.int8_macs is not None
    assert found.int8_macs > 0.5 * found.macs


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
    assert found.int8_macs == 64
    as_float = read_operators(tmp_path / "float.onnx", "onnx")
    assert (as_float.int8_weights, as_float.macs, as_float.int8_macs) == (0, 64, 0)


def test_nothing_is_printed_while_a_tflite_file_is_read(
    tiny_bundle: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    read_operators(tiny_bundle / "model.tflite", "tflite")
    print("after", file=sys.stderr)
    assert capfd.readouterr() == ("", "after\n")


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
