import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.engines import judged
from benchmarks.engines_files import PlainShapes
from benchmarks.engines_rows import ENGINES, PRECISIONS
from benchmarks.engines_table import table
from benchmarks.machine_facts import machine_facts
from benchmarks.peers import PEERS

RIGHT = {"max_error": 1e-6, "agreement": 1.0, "wrong": False}
WRONG = {"max_error": 3.0, "agreement": 0.5, "wrong": True}


def row(engine: str, p50_us: list[float], *, answers: dict[str, Any], count: int) -> dict[str, Any]:
    return {
        "engine": engine,
        "precision": "float32",
        "file": "model",
        "recipe": "",
        "bytes": 2000,
        "here": {"p50_us": p50_us, "peak_rss_mb": [40.0, 41.0]},
        "answers": answers,
        "aarch64": {
            "cortex-a72": {"instructions": count, "peak_memory_mb": 31.0, "answers": answers},
            "cortex-a53": {"absent": "on an illegal instruction"},
        },
    }


def figures(*rows: dict[str, Any]) -> dict[str, Any]:
    network = {
        "network": "cnn",
        "macs": 1000,
        "parameters": 100,
        "shape": [8, 200],
        "sample_rate_hz": 250.0,
        "generated_emg": True,
        "windows": 128,
        "rows": list(rows),
    }
    cpus = ["cortex-a53", "cortex-a72"]
    return {
        **machine_facts(),
        "rounds": 2,
        "inferences": 300,
        "cpus": cpus,
        "networks": [network],
    }


def test_ratios_are_of_the_same_round() -> None:
    lines = table(
        figures(
            row("onnxruntime", [100, 200], answers=RIGHT, count=2_000_000),
            row("LiteRT", [50, 50], answers=RIGHT, count=1_000_000),
        )
    )
    (litert,) = (one for one in lines if one.startswith("| LiteRT |"))
    assert "| 50 | 0.38 (0.25 to 0.50) |  | 1.000 | 41.0 | 31.0 | 1e-06 | 100.0% |" in litert


def test_wrong_answers_are_marked_and_never_the_best() -> None:
    lines = table(
        figures(
            row("onnxruntime", [100, 200], answers=RIGHT, count=2_000_000),
            row("ncnn", [1, 1], answers=WRONG, count=1_000),
        )
    )
    (ncnn,) = (one for one in lines if one.startswith("| ncnn |"))
    assert "0.001 (wrong answers)" in ncnn
    assert "**wrong**: 50.0%" in ncnn
    (best,) = (one for one in lines if one.startswith("Least time"))
    assert "ncnn" not in best
    assert "here onnxruntime float32, on A72 onnxruntime float32" in best


def test_what_cannot_be_had_says_why() -> None:
    lacking = {"engine": "ncnn", "precision": "int8", "absent": "no wheel holds its quantisers"}
    lines = table(figures(row("onnxruntime", [1, 1], answers=RIGHT, count=1), lacking))
    assert "- ncnn int8 is left out: no wheel holds its quantisers." in lines
    assert "- onnxruntime float32 on A53: on an illegal instruction." in lines
    header = next(one for one in lines if one.startswith("| engine"))
    cells = {one.count("|") for one in lines if one.startswith("|")}
    assert cells == {header.count("|")}


def test_every_engine_has_a_row_or_a_reason_for_float_and_int8() -> None:
    for name, engine in ENGINES.items():
        assert {"float32", "int8"} <= set(engine.files) | set(engine.absent), name
        assert set(engine.files) | set(engine.absent) <= set(PRECISIONS), name
        assert engine.peer in PEERS, name


@pytest.mark.parametrize(
    ("precision", "off", "wrong"),
    [("float32", 5e-5, False), ("float32", 5e-4, True), ("int8", 0.1, False), ("int8", 9.0, True)],
)
def test_float_is_held_to_logits_and_int8_to_labels(
    tmp_path: Path, precision: str, off: float, wrong: bool
) -> None:
    truth = np.eye(3, dtype=np.float32)
    np.save(tmp_path / "truth.npy", truth)
    moved = truth + off * np.roll(truth, 1, axis=1)
    assert judged(moved, tmp_path, precision)["wrong"] is wrong


def test_logits_that_are_no_numbers_are_wrong(tmp_path: Path) -> None:
    np.save(tmp_path / "truth.npy", np.eye(3, dtype=np.float32))
    assert judged(np.full((3, 3), np.nan), tmp_path, "int8")["wrong"]
    assert judged(np.eye(2), tmp_path, "int8")["wrong"]


@pytest.mark.parametrize("subject", ["onnxruntime", "tflite"])
def test_a_subject_answers_as_the_bundle_does(
    subject: str, tiny_bundle: Path, project_root: Path, tmp_path: Path
) -> None:
    with np.load(tiny_bundle / "golden.npz") as golden:
        inputs, wanted = golden["inputs"], golden["logits"]
    np.save(tmp_path / "windows.npy", inputs)
    script = project_root / "benchmarks" / "subjects" / f"engine_{subject}.py"
    model = tiny_bundle / ("model.onnx" if subject == "onnxruntime" else "model.tflite")
    done = subprocess.run(
        [sys.executable, str(script), str(model), str(tmp_path / "windows.npy"), "20"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    np.testing.assert_allclose(said["logits"], wanted, atol=1e-4)
    assert said["peak_rss_mb"] > 10
    assert 0 < said["p10_us"] <= said["p50_us"] <= said["p99_us"]


def test_pnnx_gets_permutations_and_slices_that_compute_the_same() -> None:
    class Moving(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.movedim(1, -1).narrow(1, 2, 3) + x.movedim(-2, 2).narrow(-2, 0, 3)

    example = torch.arange(1 * 5 * 5, dtype=torch.float32).reshape(1, 5, 5)
    with PlainShapes():
        traced = torch.jit.trace(Moving(), example, check_trace=False)
    text = str(traced.graph)
    assert "aten::permute" in text
    assert "aten::slice" in text
    assert "movedim" not in text
    assert "narrow" not in text
    assert torch.equal(traced(example), Moving()(example))
