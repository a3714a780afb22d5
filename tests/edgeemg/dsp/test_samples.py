import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeemg.dsp.samples import Recording, Samples, join


def samples_at(index: list[int], *, arrived_s: float = math.nan) -> Samples:
    """Two channels whose values say which sample they are."""
    values = np.array(index, dtype=np.float32)[:, None] + np.array([0.0, 0.5], dtype=np.float32)
    return Samples(
        values, 250.0, np.array(index, np.int64), np.ones(values.shape, np.bool_), arrived_s
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"microvolts": np.zeros(3, np.float32)}, "microvolts must be"),
        ({"index": np.arange(4)}, "index must be"),
        ({"index": np.array([0, 2, 1])}, "rise strictly"),
        ({"index": np.array([0, 1, 1])}, "rise strictly"),
        ({"valid": np.ones((3, 1), np.bool_)}, "valid must be"),
        ({"sample_rate_hz": 0.0}, "above 0"),
        ({"sample_rate_hz": math.nan}, "above 0"),
    ],
)
def test_parts_that_do_not_fit_each_other_are_refused(
    changes: dict[str, object], message: str
) -> None:
    parts: dict[str, object] = {
        "microvolts": np.zeros((3, 2), np.float32),
        "sample_rate_hz": 250.0,
        "index": np.arange(3),
        "valid": np.ones((3, 2), np.bool_),
    }
    Samples(**parts)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=message):
        Samples(**{**parts, **changes})  # type: ignore[arg-type]


def test_contiguous_samples_count_from_the_first_index_and_trust_what_is_finite() -> None:
    samples = Samples.contiguous([[1, math.nan], [math.inf, 4]], 250, first_index=2**40)
    assert samples.index.tolist() == [2**40, 2**40 + 1]
    assert samples.valid.tolist() == [[True, False], [False, True]]
    assert samples.microvolts.dtype == np.float32
    assert math.isnan(samples.arrived_s)


def test_no_samples_are_samples() -> None:
    empty = Samples.contiguous(np.zeros((0, 8)), 250)
    assert len(empty) == 0
    assert empty.n_channels == 8
    assert list(empty.runs()) == []
    assert len(empty.finite()) == 0


def test_a_slice_keeps_every_part_together() -> None:
    piece = samples_at([4, 5, 9, 10], arrived_s=3.0)[1:3]
    assert piece.index.tolist() == [5, 9]
    assert piece.microvolts[:, 0].tolist() == [5, 9]
    assert piece.valid.shape == (2, 2)
    assert piece.arrived_s == 3.0


def test_columns_are_taken_in_the_order_asked_for() -> None:
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    samples = Samples(values, 250.0, np.arange(2), values % 2 == 0)
    swapped = samples.columns([2, 0])
    assert swapped.microvolts.tolist() == [[2, 0], [5, 3]]
    assert swapped.valid.tolist() == [[True, True], [False, False]]


@pytest.mark.parametrize("unknown", [math.nan, math.inf, -math.inf])
def test_a_row_with_one_unknown_value_becomes_a_break_in_time(unknown: float) -> None:
    samples = samples_at([7, 8, 9])
    samples.microvolts[1, 1] = unknown
    assert samples.finite().index.tolist() == [7, 9]
    assert [len(run) for run in samples.finite().runs()] == [1, 1]


def test_samples_that_are_all_finite_are_not_copied() -> None:
    samples = samples_at([1, 2])
    assert samples.finite() is samples


@given(st.sets(st.integers(-50, 50)).map(sorted))
def test_runs_are_the_stretches_without_a_step_and_join_to_the_whole(index: list[int]) -> None:
    samples = samples_at(index)
    runs = list(samples.runs())
    assert [one for run in runs for one in run.index.tolist()] == index
    assert all((np.diff(run.index) == 1).all() for run in runs)
    assert all(b.index[0] > a.index[-1] + 1 for a, b in pairwise(runs))
    if runs:
        assert np.array_equal(join(runs).microvolts, samples.microvolts)


def test_what_is_joined_arrived_when_its_last_piece_did() -> None:
    assert join([samples_at([1], arrived_s=1.0), samples_at([2], arrived_s=2.0)]).arrived_s == 2.0


def test_nothing_cannot_be_joined() -> None:
    with pytest.raises(ValueError, match="at least one"):
        join([])


def recording(*, run: str = "", about: dict[str, object] | None = None) -> Recording:
    return Recording(
        samples_at([0]), (), ("a", "b"), "01", "A", "covert", run, None, True, about or {}
    )


def test_a_recording_is_named_by_its_entities() -> None:
    assert recording().name == "sub-01_ses-A_task-covert"
    assert recording(run="2").name == "sub-01_ses-A_task-covert_run-2"


def test_a_licence_that_is_not_stated_is_said_to_be_so() -> None:
    assert recording(about={"License": "CC0"}).licence == "CC0"
    assert recording().licence == recording(about={"License": ""}).licence == "licence not stated"


def test_warnings_come_from_the_sidecar() -> None:
    assert recording(about={"Warnings": ["rails", 7]}).warnings == ("rails", "7")
    assert recording().warnings == ()
