import importlib.metadata
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from edgeemg.runtime.engine_tflite import TfliteEngine


def test_the_int8_file_takes_and_gives_integers_and_the_engine_floats(tiny_bundle: Path) -> None:
    path = tiny_bundle / "model.int8.tflite"
    inner = Interpreter(model_path=str(path))
    (taken,), (given,) = inner.get_input_details(), inner.get_output_details()
    assert taken["dtype"] == given["dtype"] == np.int8
    logits = TfliteEngine(path, "int8").logits(np.zeros((1, 4, 100), np.float32))
    assert (logits.shape, logits.dtype) == ((3,), np.float32)


def test_scaling_equals_the_formula_of_the_tflite_specification(tiny_bundle: Path) -> None:
    """real = step * (integer - zero), rounded to the nearest on the way in."""
    path = tiny_bundle / "model.int8.tflite"
    inner = Interpreter(model_path=str(path))
    inner.allocate_tensors()
    (taken,), (given,) = inner.get_input_details(), inner.get_output_details()
    step, zero = taken["quantization"]
    out_step, out_zero = given["quantization"]
    engine = TfliteEngine(path, "int8")
    rng = np.random.default_rng(1)
    for _ in range(20):
        whole = rng.integers(-128, 128, (1, 4, 100))
        inner.set_tensor(taken["index"], whole.astype(np.int8))
        inner.invoke()
        wanted = (inner.get_tensor(given["index"])[0].astype(float) - out_zero) * out_step
        within_half_a_step = rng.uniform(-0.49, 0.49, whole.shape)
        real = ((whole - zero + within_half_a_step) * step).astype(np.float32)
        np.testing.assert_allclose(engine.logits(real), wanted, rtol=1e-6)


def test_a_library_under_another_distribution_name_still_runs(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As ai-edge-litert-nightly: the module is there, the distribution of its name is not."""
    find = importlib.metadata.Distribution.from_name

    def without(name: str) -> importlib.metadata.Distribution:
        if name == "ai-edge-litert":
            raise importlib.metadata.PackageNotFoundError(name)
        return find(name)

    monkeypatch.setattr(importlib.metadata.Distribution, "from_name", without)
    engine = TfliteEngine(tiny_bundle / "model.tflite", "float32")
    assert engine.name == "ai-edge-litert of unknown version"
    assert engine.logits(np.zeros((1, 4, 100), np.float32)).shape == (3,)
