"""Events, breaks and bad stretches become rows of a table and come back."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeemg.data import event_rows
from edgeemg.dsp.samples import Event, Samples
from edgeemg.errors import RecordingError

HEADER = "\t".join(event_rows.COLUMNS)


def samples_with_breaks() -> Samples:
    samples = Samples.contiguous(np.zeros((10, 2)), 100)
    return replace(samples, index=np.array([5, 6, 7, 20, 21, 22, 23, 40, 41, 42]))


def test_onset_counts_rows_and_the_index_is_the_sensors() -> None:
    rows = event_rows.event_rows(samples_with_breaks(), [Event(6, 16, "up")], ("a", "b"))
    text = event_rows.format_rows(rows, 100)
    assert text.splitlines() == [
        HEADER,
        "0.01\t0.04\tup\t1\t6\t16\tn/a",  # rows 1, 2 | 3, 4
        "0.03\t0.0\tboundary\t3\t20\t0\tn/a",
        "0.07\t0.0\tboundary\t7\t40\t0\tn/a",
    ]
    back = event_rows.parse_rows(text, "x")
    assert event_rows.restore_events(back) == (Event(6, 16, "up"),)
    assert [row.channel for row in back] == ["", "", ""]
    index = event_rows.restore_index(back, 10, 5, "x")
    np.testing.assert_array_equal(index, samples_with_breaks().index)


def test_an_event_in_a_gap_or_outside_is_kept() -> None:
    events = [Event(0, 2, "before"), Event(10, 3, "gap"), Event(99, 9, "behind")]
    rows = event_rows.event_rows(samples_with_breaks(), events, ("a", "b"))
    event_rows.check_rows(rows, 10, "x")
    assert event_rows.restore_events(rows) == tuple(events)
    assert [row.rows for row in rows if row.trial_type in ("before", "gap", "behind")] == [0, 0, 0]


def test_bad_stretches_end_at_breaks_and_name_their_channel() -> None:
    samples = samples_with_breaks()
    valid = samples.valid.copy()
    valid[2:5, 1] = False
    rows = event_rows.event_rows(replace(samples, valid=valid), [], ("a", "b"))
    bad = [row for row in rows if row.trial_type == "bad"]
    assert [(row.sample, row.length, row.sensor_index, row.channel) for row in bad] == [
        (2, 1, 7, "b"),
        (3, 2, 20, "b"),
    ]
    restored = np.ones((10, 2), dtype=np.bool_)
    event_rows.mark_bad(rows, samples.microvolts.copy(), restored, ("a", "b"), "x")
    np.testing.assert_array_equal(restored, valid)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0\t0\tup\t-1\t0\t1\tn/a", "cannot be places"),
        ("0\t0\tup\t0\t0\tx\tn/a", "line 2"),
        ("0\t0\tup\t0\t99999999999999999999\t0\tn/a", "cannot be places"),
        ("0\t0\t\t0\t0\t0\tn/a", "no trial_type"),
        ("0\t0\tup\t0\t0", "too few or too many"),
        ("0\t0\tup\t0\t0\t1\tn/a\t7", "too few or too many"),
    ],
)
def test_a_row_that_is_none_is_named_by_its_line(line: str, message: str) -> None:
    with pytest.raises(RecordingError, match=message):
        event_rows.parse_rows(f"{HEADER}\n{line}\n", "x_events.tsv")


def test_a_missing_column_is_named() -> None:
    with pytest.raises(RecordingError, match="lacks the columns sensor_index, length, channel"):
        event_rows.parse_rows("onset\tduration\ttrial_type\tsample\n", "x")


@pytest.mark.parametrize("row", ["boundary\t10\t50\t0", "bad\t8\t0\t3", "up\t11\t0\t3"])
def test_a_row_outside_the_recording_is_an_error(row: str) -> None:
    rows = event_rows.parse_rows(f"{HEADER}\n0\t0\t{row}\ta\n", "x")
    with pytest.raises(RecordingError, match="outside the recording of 10 rows"):
        event_rows.check_rows(rows, 10, "x")


def test_a_bad_stretch_of_an_unknown_channel_is_an_error() -> None:
    rows = event_rows.parse_rows(f"{HEADER}\n0\t0\tbad\t0\t0\t1\tnose\n", "x")
    with pytest.raises(RecordingError, match="'nose' is not in channels"):
        event_rows.mark_bad(rows, np.zeros((10, 1)), np.ones((10, 1), np.bool_), ("a",), "x")


@given(st.text(max_size=60))
def test_any_table_is_read_or_refused(text: str) -> None:
    try:
        rows = event_rows.parse_rows(f"{HEADER}\n{text}", "x")
        event_rows.check_rows(rows, 10, "x")
        index = event_rows.restore_index(rows, 10, 0, "x")
    except RecordingError as error:
        assert str(error).startswith("x")  # noqa: PT017  # either end is right
    else:
        assert (np.diff(index) > 0).all()
