"""Decisions beside the words that were really said."""

from edgeemg.cli.live_score import LiveScore
from edgeemg.dsp.samples import Event
from edgeemg.runtime.event_metrics import Timeline
from edgeemg.runtime.sinks import Decision

GRACE = 200  # samples
WORDS = [Event(100, 300, "up"), Event(1000, 300, "down"), Event(2000, 300, "up")]


def score(*decisions, until=2600):
    told = []
    sink = LiveScore(Timeline(WORDS, GRACE), told.append)
    for label, index in decisions:
        sink.send(Decision(label, 0.9, index, index / 250, 1.0, "engine"))
    return sink.result(until), told


def test_right_wrong_missed_and_stray_are_told_apart():
    result, told = score(("up", 300), ("left", 800), ("up", 1200))
    assert result == (1, 1, 1, 1)
    assert ["right" in line for line in told] == [True, False, False]


def test_the_first_decision_in_a_word_counts():
    result, _ = score(("down", 200), ("up", 300))
    assert result[:2] == (0, 1)


def test_a_decision_just_after_the_word_is_in_time_and_a_later_one_is_not():
    assert score(("up", 599), until=700)[0] == (1, 0, 0, 0)
    assert score(("up", 600), until=700)[0] == (0, 0, 1, 1)


def test_words_whose_time_was_not_over_do_not_count():
    assert score(until=1400)[0] == (0, 0, 1, 0)
    assert score(until=1500)[0] == (0, 0, 2, 0)


def test_a_word_that_was_decided_counts_before_its_time_is_over():
    assert score(("up", 200), until=300)[0] == (1, 0, 0, 0)
