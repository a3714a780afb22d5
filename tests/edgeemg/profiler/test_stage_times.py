from pathlib import Path

import pytest

from edgeemg.profiler.children import Failure
from edgeemg.profiler.stage_times import StageTimes, measure_stages, stage_row
from edgeemg.profiler.stages import STAGES


def test_a_fresh_process_times_every_stage_of_every_hop(tiny_bundle: Path) -> None:
    found = measure_stages(tiny_bundle, "tflite", "int8", hops=7)
    assert isinstance(found, StageTimes)
    assert tuple(found.stages) == STAGES
    assert {len(one) for one in found.stages.values()} == {7}
    assert min(min(one) for one in found.stages.values()) > 0
    for n in range(7):
        assert found.hop[n] == pytest.approx(sum(one[n] for one in found.stages.values()))


def test_a_row_holds_percentiles_and_shares() -> None:
    times = dict.fromkeys(STAGES, (1.0, 2.0, 3.0))
    row = stage_row(StageTimes(times, (5.0, 10.0, 15.0)))
    assert row["stages_us"]["parse"]["p50"] == 2
    assert row["hop_us"]["max"] == 15
    assert row["shares"] == dict.fromkeys(STAGES, 0.2)


def test_a_bundle_that_is_not_there_is_a_failure_not_a_traceback(tmp_path: Path) -> None:
    found = measure_stages(tmp_path / "none", "tflite", "int8", hops=3)
    assert isinstance(found, Failure)
    assert "no such folder" in found.reason


def test_a_library_that_dies_is_a_failure(tiny_bundle: Path, shadowed) -> None:
    shadowed("onnxruntime")
    found = measure_stages(tiny_bundle, "onnx", "float32", hops=3)
    assert isinstance(found, Failure)
    assert "SIGILL" in found.reason
