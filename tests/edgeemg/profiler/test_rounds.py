from pathlib import Path

import pytest

from edgeemg.profiler.children import Failure
from edgeemg.profiler.rounds import Subject, measure_in_turns, measure_once


@pytest.fixture
def subjects(tiny_bundle: Path) -> list[Subject]:
    golden = tiny_bundle / "golden.npz"
    return [
        Subject(tiny_bundle / "model.onnx", "onnx", "float32", golden),
        Subject(tiny_bundle / "model.tflite", "tflite", "float32", golden),
    ]


def test_files_take_turns_and_share_the_runs(subjects: list[Subject]) -> None:
    steps: list[str] = []
    onnx, tflite = measure_in_turns(subjects, runs=11, rounds=3, on_step=steps.append)
    assert steps == [
        "round 1 of 3: model.onnx",
        "round 1 of 3: model.tflite",
        "round 2 of 3: model.tflite",
        "round 2 of 3: model.onnx",
        "round 3 of 3: model.onnx",
        "round 3 of 3: model.tflite",
    ]
    assert not isinstance(onnx, Failure)
    assert not isinstance(tflite, Failure)
    for rounds in (onnx, tflite):
        assert [len(one.latencies_us) for one in rounds] == [4, 4, 3]
    assert {one.engine_version.split()[0] for one in onnx} == {"onnxruntime"}
    assert {one.engine_version.split()[0] for one in tflite} == {"ai-edge-litert"}


def test_an_illegal_instruction_ends_one_file_and_no_other(
    subjects: list[Subject], shadowed
) -> None:
    shadowed("onnxruntime")
    steps: list[str] = []
    onnx, tflite = measure_in_turns(subjects, runs=6, rounds=2, on_step=steps.append)
    assert isinstance(onnx, Failure)
    assert onnx.reason.startswith("SIGILL (illegal instruction")
    assert isinstance(tflite, list)
    assert len(tflite) == 2
    assert steps.count("round 2 of 2: model.onnx") == 0


@pytest.mark.parametrize("printed", ["", "hello", "[]", "{}", '{"import_ms": "long"}'])
def test_a_process_that_prints_something_else_is_a_failure(
    subjects: list[Subject], shadowed, printed: str
) -> None:
    shadowed("onnxruntime", f"import os; os.write(1, {printed.encode()!r}); os._exit(0)")
    outcome = measure_once(subjects[0], runs=3)
    assert isinstance(outcome, Failure)
    assert outcome.reason.startswith("it printed something else than a measurement (")
