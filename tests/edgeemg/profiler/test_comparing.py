import pytest

from edgeemg.errors import ManifestError
from edgeemg.profiler.comparing import compare, comparison_table

BUNDLE = {"name": "b", "parameters": 1, "macs": 2, "window_ms": 800.0, "hop_ms": 100.0}


def measured(p50_us: float, spread: float = 0.02, **more: object) -> dict[str, object]:
    row = {
        "file": "model.onnx",
        "latency_us": {"p50": p50_us},
        "p50_spread": spread,
        "memory_mb": {"peak": p50_us / 10},
    }
    machine = {"name": "a board"}
    return {"kind": "measured", "bundle": BUNDLE, "machine": machine, "files": [row], **more}


def emulated(board: str, instructions: int) -> dict[str, object]:
    row = {"file": "model.onnx", "instructions": instructions, "peak_memory_mb": 40.0}
    return {"kind": "emulated", "bundle": BUNDLE, "boards": {board: {"files": [row]}}}


def verdict(first: dict[str, object], second: dict[str, object]) -> str:
    (row,) = compare(first, second, names=("a", "b"))["rows"]
    return row["verdict"]


@pytest.mark.parametrize(
    ("p50_us", "said"), [(103.0, "the same"), (97.0, "the same"), (120.0, "more"), (80.0, "less")]
)
def test_a_difference_counts_where_it_is_more_than_the_spread(p50_us: float, said: str) -> None:
    assert verdict(measured(100.0), measured(p50_us)) == said


def test_counts_have_next_to_no_spread() -> None:
    assert verdict(emulated("pi-4", 100_000), emulated("pi-4", 100_050)) == "the same"
    assert verdict(emulated("pi-4", 100_000), emulated("pi-4", 101_000)) == "more"


def test_one_board_can_be_held_against_another() -> None:
    found = compare(emulated("pi-4", 100), emulated("pi-5", 50), names=("a", "b"))
    assert found["rows"][0]["what"] == "pi-4, pi-5 model.onnx"
    assert found["rows"][0]["ratio"] == 0.5


def test_times_and_counts_are_not_compared() -> None:
    with pytest.raises(ManifestError, match="one report is measured, the other emulated"):
        compare(measured(1.0), emulated("pi-4", 1), names=("a", "b"))


def test_reports_without_a_file_in_common_are_refused() -> None:
    other = measured(1.0)
    other["files"][0]["file"] = "model.tflite"
    with pytest.raises(ManifestError, match="share no file"):
        compare(measured(1.0), other, names=("a", "b"))


def test_what_spoils_a_comparison_is_said() -> None:
    other = measured(1.0, invalid_because="throttled", bundle={**BUNDLE, "macs": 3})
    found = compare(measured(1.0), other, names=("a", "b"))
    assert found["warnings"] == [
        "the second run is not valid: throttled",
        "the reports are of different models",
    ]
    text = comparison_table(found)
    assert "note: the second run is not valid: throttled" in text
    assert max(map(len, text.splitlines())) <= 100
