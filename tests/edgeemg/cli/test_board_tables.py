from typing import Any

from edgeemg.cli.board_tables import board_tables


def candidate(file: str, **facts: Any) -> dict[str, Any]:
    return {
        "file": file,
        "engine": "onnx",
        "precision": "int8",
        "library": "onnxruntime 1.22.0",
        "instructions": 1_234_567,
        "peak_memory_bytes": 45_600_000,
        "balanced_accuracy_drop": 0.0025,
        "label_agreement": 0.9912,
        "ruled_out": "",
        **facts,
    }


def board(cpu: str, chosen: str | None, *candidates: dict[str, Any]) -> dict[str, Any]:
    return {"title": "a board", "cpu": cpu, "chosen": chosen, "candidates": list(candidates)}


def test_boards_with_one_core_share_a_table_and_the_chosen_file_is_marked() -> None:
    small = board("cortex-a53", "model.onnx", candidate("model.onnx"), candidate("model.tflite"))
    large = board("cortex-a72", "model.tflite", candidate("model.onnx"), candidate("model.tflite"))
    told = board_tables({"pi-zero-2w": small, "pi-3b": small, "pi-4": large}).splitlines()
    assert "pi-zero-2w, pi-3b (cortex-a53, emulated)" in told
    assert "pi-4 (cortex-a72, emulated)" in told
    marked = [line.split()[1] for line in told if line.startswith("> model")]
    assert marked == ["model.onnx", "model.tflite"]
    (row, *_) = [line for line in told if line.startswith("> model")]
    assert row.split()[2:] == ["onnxruntime", "1.22.0", "1,234,567", "45.6", "99.12%", "0.25"]
    assert max(map(len, told)) <= 100


def test_a_file_that_is_ruled_out_says_why_in_lines_that_fit() -> None:
    reason = "does not run there: " + "a long story about an operator that it lacks " * 5
    lost = candidate("model.onnx", ruled_out=reason, instructions=None, peak_memory_bytes=None)
    told = board_tables({"pi-4": board("cortex-a72", None, lost)})
    assert "model.onnx is ruled out: does not run there" in told
    assert "`edgeemg run` takes the first installed engine in float32" in " ".join(told.split())
    assert "instructions: of one inference (of a stream: one hop)" in told
    assert max(map(len, told.splitlines())) <= 100
