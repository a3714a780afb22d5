"""Marks among samples become trials; what was taken back, cut off or full of holes does not."""

import numpy as np
import pytest

from edgeemg.data.trial_marks import (
    MISSING,
    OVERLAPPED,
    TAKEN_BACK,
    Mark,
    breaks_in,
    gap_in,
    marks_among,
    taken_back,
    trials,
)
from edgeemg.dsp.samples import Event

INDEX = np.concatenate([np.arange(100, 300), np.arange(301, 400), np.arange(402, 600)])


def trial(number, index, length=50, label="yes"):
    return Mark("trial", number, index, length, label)


def test_a_trial_in_whole_samples_is_an_event():
    events, skipped = trials([trial(0, 100), Mark("rest", 1, 200, 50, "rest")], INDEX, 250.0)
    assert events == [Event(100, 50, "yes"), Event(200, 50, "rest")]
    assert skipped == []


def test_what_was_taken_back_is_named_with_its_reason():
    marks = [trial(0, 100), trial(1, 200), Mark("skip", 0, 100, 50, "yes", "undone")]
    events, skipped = trials(marks, INDEX, 250.0)
    assert events == [Event(200, 50, "yes")]
    assert skipped == [{"name": "yes at 100", "reason": "undone"}]


@pytest.mark.parametrize(
    ("index", "length", "kept"),
    [
        (280, 50, True),  # one sample is missing: bridged downstream
        (380, 50, False),  # two at 250 Hz are not
        (402, 50, True),
        (350, 50, True),  # ends where the gap begins
        (550, 50, True),
        (551, 50, False),  # beyond the last sample
        (99, 50, False),  # before the first
    ],
)
def test_gaps_and_ends_decide(index, length, kept):
    events, skipped = trials([trial(0, index, length)], INDEX, 250.0)
    assert (len(events), len(skipped)) == ((1, 0) if kept else (0, 1))


def test_at_a_higher_rate_the_same_gap_is_short():
    assert gap_in([(400, 402)], 380, 50, 250.0) == "2 of its 50 samples were lost"
    assert gap_in([(400, 402)], 380, 50, 1000.0) == ""


def test_breaks_are_seen_across_pieces():
    assert breaks_in(np.array([5, 6, 9])) == [(7, 9)]
    assert breaks_in(np.array([5, 6]), after=2) == [(3, 5)]
    assert breaks_in(np.array([], np.int64), after=2) == []
    assert breaks_in(np.array([], np.int64), after=2, before=5) == [(3, 5)]


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"what": "told", "text": "x"},
        {"what": "trial"},
        {**trial(0, 5).as_event(), "length": "5"},
        {**trial(0, 5).as_event(), "length": 0},
        {**trial(0, 5).as_event(), "index": -5},
        {**trial(0, 5).as_event(), "more": 1},
    ],
)
def test_events_that_are_no_marks_are_left_out(event):
    good = trial(7, 9)
    assert marks_among([(1, event), (9, good.as_event())]) == [good]


def test_a_sample_has_one_label_or_none():
    """As of a sensor of 250 Hz that was taken for one of 1000."""
    index = np.arange(2000)
    marks = [trial(0, 102, 1000), Mark("rest", 1, 605, 1000, "rest"), trial(2, 1605, 100)]
    events, skipped = trials(marks, index, 1000.0)
    assert events == [Event(1605, 100, "yes")]
    assert [one["reason"] for one in skipped] == [OVERLAPPED] * 2


def test_what_was_taken_back_before_the_next_began_overlaps_nothing():
    marks = [
        trial(0, 102, 100),
        Mark("skip", 0, 102, 100, "yes", "undone"),
        Mark("rest", 1, 150, 100, "rest"),
    ]
    events, _ = trials(marks, INDEX, 250.0)
    assert events == [Event(150, 100, "rest")]


@pytest.mark.parametrize(("lost", "first"), [(range(120, 123), 120), (range(300, 600), 300)])
def test_samples_that_lack_a_channel_are_lost(lost, first):
    index = np.arange(100, 600)
    whole = np.setdiff1d(index, lost)
    good, bad = trial(0, 200), trial(1, first - 10)
    events, skipped = trials([good, bad], index, 250.0, whole=whole)
    assert events == [Event(200, 50, "yes")]
    assert skipped[0]["name"] == f"yes at {first - 10}"
    assert trials([bad], index, 250.0, whole=whole[:0])[0] == []


def test_lost_blocks_leave_as_many_words_in_doubt_until_a_list_says_which():
    words = [(n, trial(n, 100 * n).as_event()) for n in range(4)]
    lost = (0, {"what": MISSING, "blocks": 2})
    assert set(taken_back([*words[:3], lost, words[3]])) == {1, 2}
    assert set(taken_back([*words[:3], lost, words[3], (0, {TAKEN_BACK: [0]})])) == {0}
    assert set(taken_back([(0, {TAKEN_BACK: [0]}), *words, lost])) == {0, 2, 3}
    assert taken_back([*words, (0, {TAKEN_BACK: "no list"})]) == {}
