from pathlib import Path

from edgeemg.manifest import read_manifest
from edgeemg.profiler.children import Failure
from edgeemg.profiler.operator_times import measure_operators, operator_times


def test_every_operator_has_a_time_and_products_their_multiply_adds(tiny_bundle: Path) -> None:
    found = operator_times(tiny_bundle / "model.onnx", runs=10)
    assert min(one.p50_us for one in found) >= 0
    products = sum(one.macs or 0 for one in found)
    assert products == read_manifest(tiny_bundle).model.macs
    assert not any(one.name.endswith("_kernel_time") for one in found)


def test_a_fresh_process_says_the_same_operators(tiny_bundle: Path) -> None:
    path = tiny_bundle / "model.int8.onnx"
    found = measure_operators(path)
    assert not isinstance(found, Failure)
    here = operator_times(path, runs=1)
    assert [(one.name, one.kind, one.macs) for one in found] == [
        (one.name, one.kind, one.macs) for one in here
    ]


def test_a_file_that_is_no_model_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"nothing")
    found = measure_operators(tmp_path / "model.onnx")
    assert isinstance(found, Failure)
    assert "cannot run it" in found.reason
