import json
import shutil
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from edgeemg.manifest import Choice, read_manifest, write_manifest
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
        assert one["state_bytes"] == 0
        assert bool(one["explanation"]) == (one["precision"] == "int8")


def test_what_export_chose_and_what_failed_is_told(tiny_bundle: Path, tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    shutil.copytree(tiny_bundle, folder)
    manifest = read_manifest(folder)
    choice = Choice("model.onnx", "onnx", "float32", 1_000, 2_000)
    boards = {"pi-4": {"cpu": "cortex-a72", "chosen": "model.onnx", "candidates": []}}
    files = manifest.files | {
        "model.int8.onnx": replace(manifest.files["model.int8.onnx"], kept_float=("MEAN",))
    }
    changes: dict[str, Any] = {
        "failed_gates": ("model.onnx is bad",),
        "choice": {"pi-4": choice},
        "files": files,
        "parity": {**manifest.parity, "boards": boards},
    }
    write_manifest(replace(manifest, **changes), folder)
    found = inspect_bundle(open_bundle(folder))
    assert found == json.loads(json.dumps(found, allow_nan=False))
    assert found["failed_gates"] == ["model.onnx is bad"]
    assert found["choice"] == {"pi-4": asdict(choice)}
    assert found["boards"] == boards
    assert found["files"][1]["kept_float"] == ["MEAN"]
    assert "kept float by the recipe: MEAN" in found["files"][1]["explanation"]


def test_a_bundle_without_a_choice_says_none(tiny_bundle: Path) -> None:
    found = inspect_bundle(open_bundle(tiny_bundle))
    assert (found["failed_gates"], found["choice"], found["boards"]) == ([], {}, None)


def test_without_an_engine_the_manifest_is_still_told(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    files = inspect_bundle(open_bundle(tiny_bundle))["files"]
    assert files[0]["operators"] is None
    assert "pip install 'edgeemg[onnx]'" in files[0]["operators_missing"]
    assert files[2]["operators"] is not None
    assert files[2]["operators_missing"] is None
