from collections import Counter

import numpy as np
import pytest

from edgeemg.data.articulation import (
    CUE_S,
    accent,
    at_rate,
    new_speaker,
    perform,
    schedule,
    vocabulary,
)
from edgeemg.data.motor_units import CONTROL_HZ


def test_a_hundred_words_all_differ_in_name_and_gestures() -> None:
    words = vocabulary(100)
    assert len({word.name for word in words}) == 100
    assert len({tuple(stroke.gesture for stroke in word.strokes) for word in words}) == 100
    assert all(2 <= len(word.strokes) <= 4 for word in words)


def test_more_words_leave_the_first_ones_as_they_were() -> None:
    assert vocabulary(30)[:4] == vocabulary(4)
    few, many = (accent(vocabulary(n), np.random.default_rng(3)) for n in (4, 30))
    assert many[:4] == few


def test_every_round_has_every_word_once() -> None:
    trials = schedule(vocabulary(5), 7, np.random.default_rng(0))
    for start in range(0, 35, 5):
        assert len({trial.word.name for trial in trials[start : start + 5]}) == 5
    assert set(Counter(trial.word.name for trial in trials).values()) == {7}


def test_the_order_of_words_is_not_the_same_in_every_round() -> None:
    names = [trial.word.name for trial in schedule(vocabulary(4), 10, np.random.default_rng(0))]
    assert len({tuple(names[start : start + 4]) for start in range(0, 40, 4)}) > 3


def test_a_word_takes_half_a_second_to_a_second_and_ends_within_its_cue() -> None:
    words = accent(vocabulary(10), np.random.default_rng(1))
    for trial in schedule(words, 50, np.random.default_rng(2)):
        assert 0.5 <= trial.duration_s <= 1.0
        assert trial.cue_s < trial.start_s
        assert trial.start_s + trial.duration_s <= trial.cue_s + CUE_S


def test_muscles_and_movement_work_only_in_words_and_in_a_few_swallows() -> None:
    speaker = new_speaker(np.random.default_rng(0))
    trials = schedule(vocabulary(4), 25, np.random.default_rng(1))
    excitation, movement = perform(trials, 310.0, speaker, np.random.default_rng(2))
    seconds = np.arange(len(excitation)) / CONTROL_HZ
    saying = np.zeros(len(seconds), dtype=bool)
    for trial in trials:
        saying |= (seconds >= trial.start_s) & (seconds <= trial.start_s + trial.duration_s)
    words, swallow = movement[:, :-1], movement[:, -1]
    assert (words[saying].sum(axis=1) > 0).mean() > 0.8
    assert not words[~saying].any()
    assert not swallow[saying].any()
    assert 0.003 < (swallow > 0).mean() < 0.05
    resting = ~saying & (swallow == 0)
    assert excitation[saying].sum() / saying.sum() > 1.5 * excitation[resting].sum() / resting.sum()


def test_two_people_pull_differently_on_the_same_gesture() -> None:
    one, other = (new_speaker(np.random.default_rng(seed)).pull for seed in (0, 1))
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] == pytest.approx(0.7, abs=0.25)


def test_a_slow_signal_is_the_same_at_another_rate() -> None:
    seconds = np.arange(401) / CONTROL_HZ
    signal = np.sin(2 * np.pi * seconds)[:, None]
    found = at_rate(signal, 333.0, 600)
    expected = np.sin(2 * np.pi * np.arange(600) / 333.0)
    np.testing.assert_allclose(found[:, 0], expected, atol=1e-3)
