"""Decisions beside words: what is a hit, what is false, and how late it was."""

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeemg.dsp.samples import Event
from edgeemg.errors import RecordingError
from edgeemg.manifest import Manifest
from edgeemg.runtime.event_metrics import (
    EventCounts,
    Timeline,
    count,
    match,
    usual_grace,
    words_of,
)

RATE_HZ = 250.0
WORDS = [Event(1000, 300, "left"), Event(2000, 300, "right"), Event(2400, 300, "left")]
GRACE = 200  # samples: the spans are 1000..1499, 2000..2399 (cut short), 2400..2899


@dataclass(frozen=True)
class Said:
    label: str
    sample_index: int


def counted(*decisions: tuple[str, int], words: list[Event] = WORDS) -> EventCounts:
    timeline = Timeline(words, GRACE)
    matched = match([Said(*one) for one in decisions], timeline)
    return count(matched, timeline, heard=range(len(words)), sample_rate_hz=RATE_HZ)


# --- spans


@pytest.mark.parametrize(
    ("index", "word"),
    [
        (999, None),
        (1000, 0),
        (1499, 0),
        (1500, None),
        (1999, None),
        (2000, 1),
        (2399, 1),  # its grace would go on, and the next word begins
        (2400, 2),
        (2899, 2),
        (2900, None),
    ],
)
def test_a_span_runs_from_onset_to_grace_or_the_next_onset(index: int, word: int | None) -> None:
    assert Timeline(WORDS, GRACE).word_at(index) == word


def test_spans_end_where_the_next_word_begins() -> None:
    timeline = Timeline(WORDS, GRACE)
    assert [timeline.span_end(n) for n in range(3)] == [1500, 2400, 2900]


def test_only_whole_spans_lie_in_a_stretch() -> None:
    assert Timeline(WORDS, GRACE).between(1000, 2899).words == tuple(WORDS[:2])
    assert Timeline(WORDS, GRACE).between(1001, 2900).words == tuple(WORDS[1:])


def test_the_order_of_words_does_not_matter() -> None:
    assert Timeline(reversed(WORDS), GRACE).words == tuple(WORDS)


def test_no_words_are_all_rest() -> None:
    assert Timeline([], GRACE).word_at(5) is None


def test_a_negative_grace_is_refused() -> None:
    with pytest.raises(RecordingError, match="grace"):
        Timeline(WORDS, -1)


# --- which events are words


def test_rest_and_what_the_model_does_not_know_are_no_words(plain_manifest: Manifest) -> None:
    events = [Event(0, 9, "rest"), Event(9, 9, "left"), Event(18, 9, "cough")]
    assert words_of(events, plain_manifest) == [events[1]]


def test_without_a_rest_label_every_known_label_is_a_word(plain_manifest: Manifest) -> None:
    events = [Event(0, 9, "rest"), Event(9, 9, "left")]
    assert words_of(events, replace(plain_manifest, rest_label=None)) == events


@pytest.mark.parametrize(
    ("onsets", "grace"),
    [
        ([0, 1000, 2000], 70),  # one window of the model
        ([0, 140, 280], 20),  # half of the 40 samples between words
        ([0, 100, 200], 0),  # word on word: there is no rest
        ([0], 70),
        ([], 70),
    ],
)
def test_the_usual_grace_leaves_rest_between_words(
    onsets: list[int], grace: int, plain_manifest: Manifest
) -> None:
    words = [Event(one, 100, "left") for one in onsets]
    assert usual_grace([words, []], plain_manifest) == grace


# --- what comes of decisions


def test_the_first_decision_answers_a_word() -> None:
    found = counted(("left", 1100), ("right", 1200), ("left", 2100), ("left", 2399))
    assert (found.hits, found.wrong, found.missed, found.repeats) == (1, 1, 1, 2)
    assert found.false_activations == 0


def test_a_decision_outside_every_span_is_false() -> None:
    found = counted(("left", 999), ("right", 1500), ("left", 5000))
    assert (found.false_activations, found.missed) == (3, 3)


def test_delay_runs_from_onset_to_the_last_sample_of_the_hit() -> None:
    found = counted(("left", 1100), ("right", 2050), ("right", 2500))
    assert found.delays_ms == (400.0, 200.0)
    assert (found.delay_ms(50), found.delay_ms(90)) == (300.0, pytest.approx(380.0))
    assert counted().delay_ms(50) is None


def test_hits_are_told_by_word() -> None:
    found = counted(("left", 1100), ("left", 2100))
    assert found.words_by_label == {"left": 2, "right": 1}
    assert found.hits_by_label == {"left": 1}


def test_an_unheard_word_is_neither_hit_nor_missed() -> None:
    timeline = Timeline(WORDS, GRACE)
    found = count(match([], timeline), timeline, heard={0}, sample_rate_hz=RATE_HZ)
    assert (found.words, found.missed, found.unheard_words) == (1, 1, 2)


def test_counts_of_stretches_add_up() -> None:
    both = replace(counted(("left", 1100)), rest_hours=0.5) + replace(
        counted(("right", 500)), rest_hours=1.5
    )
    assert (both.words, both.hits, both.false_activations) == (6, 1, 1)
    assert both.false_per_hour().value == 0.5
    assert both.share_of_words(both.hits).value == pytest.approx(1 / 6)
    assert both.delays_ms == (400.0,)


@given(
    words=st.lists(
        st.builds(
            Event, st.integers(0, 5000), st.integers(1, 400), st.sampled_from(["left", "right"])
        ),
        unique_by=lambda word: word.index,
        max_size=12,
    ),
    decisions=st.lists(
        st.tuples(st.sampled_from(["left", "right"]), st.integers(0, 6000)), max_size=40
    ),
    grace=st.integers(0, 500),
)
def test_every_word_and_every_decision_is_counted_once(
    words: list[Event], decisions: list[tuple[str, int]], grace: int
) -> None:
    timeline = Timeline(words, grace)
    said = sorted((Said(*one) for one in decisions), key=lambda one: one.sample_index)
    found = count(match(said, timeline), timeline, heard=range(len(words)), sample_rate_hz=RATE_HZ)
    assert found.hits + found.wrong + found.missed == found.words == len(words)
    answered = found.hits + found.wrong + found.repeats
    assert answered + found.false_activations == len(decisions)
    assert all(one >= 0 for one in found.delays_ms)
