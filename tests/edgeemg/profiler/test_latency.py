import sys
from pathlib import Path

import numpy as np
import pytest

from edgeemg.profiler.children import Failure, run_python
from edgeemg.profiler.latency import Measurement
from edgeemg.profiler.probes import write_probe
from edgeemg.profiler.rounds import Subject, measure_once
from edgeemg.runtime.bundle import open_bundle


def subject(bundle: Path, file: str) -> Subject:
    precision = "int8" if ".int8." in file else "float32"
    return Subject(bundle / file, file.rpartition(".")[2], precision, bundle / "golden.npz")


@pytest.mark.parametrize(
    ("file", "engine"),
    [
        ("model.onnx", "onnxruntime "),
        ("model.int8.onnx", "onnxruntime "),
        ("model.tflite", "ai-edge-litert "),
        ("model.int8.tflite", "ai-edge-litert "),
    ],
)
def test_a_file_is_measured_whole(tiny_bundle: Path, file: str, engine: str) -> None:
    measured = measure_once(subject(tiny_bundle, file), runs=40)
    assert isinstance(measured, Measurement)
    assert measured.engine_version.startswith(engine)
    assert len(measured.latencies_us) == 40
    assert all(0 < one < 1e6 for one in measured.latencies_us)
    assert 0 < measured.import_ms < 60_000
    assert 0 < measured.load_ms < 60_000
    assert 0 < measured.first_us < 60_000_000
    # no upper end: forty inferences take a millisecond, the system's CPU clock ticks in fours
    assert 0 <= measured.cpu_share < float("inf")
    stages = measured.memory_mb
    assert 10 < stages["runtime"] < stages["engine"] < stages["loaded"] <= stages["peak"] < 300
    _, expected = open_bundle(tiny_bundle).golden_of(file)
    np.testing.assert_allclose(measured.logits, expected, atol=1e-6)  # the same machine as export


def test_logits_that_are_no_numbers_are_none(tmp_path: Path) -> None:
    model, golden = write_probe("onnx", tmp_path)
    np.savez(golden, inputs=np.full((2, 8), np.inf, np.float32))  # infinite times 0 is no number
    measured = measure_once(Subject(model, "onnx", "float32", golden), runs=3)
    assert isinstance(measured, Measurement)
    assert measured.logits == ((None,) * 8,) * 2


def test_a_file_that_the_engine_refuses_is_told_in_one_line(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "model.tflite"
    broken.write_bytes((tiny_bundle / "model.tflite").read_bytes()[:100])
    outcome = measure_once(Subject(broken, "tflite", "float32", tiny_bundle / "golden.npz"), runs=3)
    assert isinstance(outcome, Failure)
    assert "model.tflite: ai-edge-litert refuses it" in outcome.reason
    assert "\n" not in outcome.reason


def test_a_library_that_cannot_be_imported_says_why(tiny_bundle: Path, shadowed) -> None:
    shadowed("onnxruntime", "raise ImportError('version GLIBC_2.38 not found')")
    outcome = measure_once(subject(tiny_bundle, "model.onnx"), runs=3)
    assert isinstance(outcome, Failure)
    assert outcome.reason.startswith("running model.onnx needs onnxruntime, which is installed but")
    assert "GLIBC_2.38 not found" in outcome.reason
    assert "--force-reinstall 'edgeemg[onnx]'" in outcome.reason


@pytest.mark.parametrize("module", ["latency", "report", "tables", "inspection", "engine_checks"])
def test_measuring_loads_no_more_than_the_runtime_does(module: str) -> None:
    heavy = ["torch", "scipy", "onnx", "pandas", "sklearn", "matplotlib"]
    heavy += ["onnxruntime", "ai_edge_litert"]  # these the measured process loads, and times it
    program = f"import sys, edgeemg.profiler.{module}; print(*sys.modules)"
    loaded = run_python("-c", program, patience_s=60)
    assert isinstance(loaded, str)
    assert not {one.partition(".")[0] for one in loaded.split()} & set(heavy)
    assert "numpy" in loaded


def test_checking_numpy_does_not_load_it() -> None:
    program = (
        "import sys, edgeemg.profiler.checks, edgeemg.profiler.port_checks, edgeemg.cli.doctor; "
        "print(*sys.modules)"
    )
    loaded = run_python("-c", program, patience_s=60)
    assert isinstance(loaded, str)
    assert "numpy" not in loaded.split()
    assert "numpy" in sys.modules  # or the line above would prove nothing
