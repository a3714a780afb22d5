import json
import sys
from pathlib import Path

import pytest

from edgeemg.profiler.inspection import inspect_bundle
from edgeemg.runtime.bundle import open_bundle


def test_the_manifest_is_told_in_units(tiny_bundle: Path) -> None:
    found = inspect_bundle(open_bundle(tiny_bundle))
    assert found == json.loads(json.dumps(found, allow_nan=False))
    assert found["labels"] == ["left", "rest", "right"]
    assert (found["window_ms"], found["hop_ms"]) == (400, 100)
    assert found["input_shape"] == [1, 4, 100]
    assert found["training"]["generated"] is True
    (band,) = found["bands"]
    assert band["sections"] == 3
    (low, below_50), (above_50, below_100), (above_100, nyquist) = band["passes_hz"]
    assert low == pytest.approx(0.8, abs=0.01)
    assert below_50 < 50 < above_50 < below_100 < 100 < above_100 < nyquist == 125


def test_each_file_has_its_operators_and_parity(tiny_bundle: Path) -> None:
    files = inspect_bundle(open_bundle(tiny_bundle))["files"]
    assert [one["file"] for one in files] == [
        "model.onnx",
        "model.int8.onnx",
        "model.tflite",
        "model.int8.tflite",
    ]
    for one in files:
        assert one["operators"]["total"] > 5
        assert (one["operators"]["int8"] > 0) == (one["precision"] == "int8")
        assert 0.5 < one["parity"]["label_agreement"] <= 1


def test_without_an_engine_the_manifest_is_still_told(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    files = inspect_bundle(open_bundle(tiny_bundle))["files"]
    assert files[0]["operators"] is None
    assert "pip install 'edgeemg[onnx]'" in files[0]["operators_missing"]
    assert files[2]["operators"] is not None
    assert files[2]["operators_missing"] is None
