"""Rest that tells recordings apart, and rest that does not."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from edgeemg.dsp.samples import Event
from edgeemg.errors import RecordingError
from edgeemg.train.leaks.groups import Group
from edgeemg.train.leaks.rest import _balanced, _marked, _stretches_right, rest_finding
from edgeemg.train.trials import LabelledWindows, Trial


def group(recordings):
    return Group("01", "1", "silent", tuple(recordings))


def test_rest_of_one_session_dealt_to_three_recordings_tells_nothing(dealt):
    found = rest_finding(group(dealt))
    assert found.words_differ
    assert not found.tells
    assert not found.leaks
    assert found.accuracy == pytest.approx(1 / 3, abs=0.15)


def test_a_tone_of_its_own_in_each_recording_is_found_in_rest(dealt, hum):
    found = rest_finding(group(hum(dealt)))
    assert found.leaks
    assert found.accuracy > 0.9
    assert found.p_value < 1e-4
    assert found.chance == pytest.approx(1 / 3)
    assert (found.word_known, found.word_guessed) == (1.0, pytest.approx(1 / 3, abs=0.05))


def test_a_gain_of_its_own_in_each_recording_is_found_in_rest(dealt):
    def louder(one, gain):
        values = (one.samples.microvolts * gain).astype(np.float32)
        return replace(one, samples=replace(one.samples, microvolts=values))

    found = rest_finding(group(louder(one, 1.5**n) for n, one in enumerate(dealt)))
    assert found.leaks


def test_recordings_of_the_same_words_are_told_apart_and_that_is_no_leak(dealt, hum):
    same = [
        replace(one, events=tuple(replace(e, label=("rest", "a", "b")[n % 3]) for n, e in events))
        for one in dealt
        for events in [list(enumerate(one.events))]
    ]
    found = rest_finding(group(hum(same)))
    assert found.tells
    assert not found.words_differ
    assert not found.leaks


def test_the_same_recordings_give_the_same_figures(dealt):
    assert rest_finding(group(dealt)) == rest_finding(group(dealt))


def test_a_recording_with_little_rest_is_left_out_and_counted(dealt, hum):
    few = replace(dealt[2], events=dealt[2].events[:6])
    found = rest_finding(group([*hum(dealt[:2]), few]))
    assert (found.recordings, found.left_out) == (2, 1)
    assert found.chance == 0.5


def test_it_says_why_it_cannot_judge(dealt):
    no_rest = [
        replace(one, events=tuple(e for e in one.events if e.label != "rest")) for one in dealt
    ]
    with pytest.raises(RecordingError, match="no label means rest"):
        rest_finding(group(no_rest))
    short = [replace(one, events=(*one.events, *[Event(0, 20, "rest")] * 500)) for one in dealt]
    with pytest.raises(RecordingError, match="last 80 ms, too short"):
        rest_finding(group(short))
    with pytest.raises(RecordingError, match="fewer than 2 recordings hold 10"):
        rest_finding(group(replace(one, events=one.events[:6]) for one in dealt))


def test_only_the_second_half_of_rest_is_looked_at(dealt):
    events = (Event(1000, 200, "rest"), Event(2000, 1000, "rest"), Event(4000, 90, "rest"))
    marked = _marked(replace(dealt[0], events=events), "rest", 100)
    assert [one.index for one in marked.events] == [1100, 2500, 2600, 2700, 2800, 2900]
    assert {one.length for one in marked.events} == {100}


def test_every_recording_gives_as_many_segments():
    counts = {"a": 12, "b": 40}
    trials = tuple(Trial(name, name, n, n) for name, count in counts.items() for n in range(count))
    values = np.zeros((52, 4, 1), dtype=np.float32)
    chosen = _balanced(LabelledWindows(values, np.arange(52), trials)).trials
    assert Counter(one.recording for one in chosen) == {"a": 12, "b": 12}
    assert (chosen[12].first, chosen[-1].first) == (0, 39)  # from the first to the last


def test_a_stretch_is_right_only_where_one_answer_is_the_commonest():
    true = np.array([0, 0, 0, 1, 1, 2, 2])
    answers = np.array([0, 0, 1, 1, 0, 0, 1])
    assert _stretches_right(true, answers, 3) == 1  # 0 by two of three; 1 has a tie; 2 has none
