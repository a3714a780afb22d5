"""Parts of a recording in time: nothing in both, nothing lost but what lies on the cut."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeemg.dsp.samples import Event
from edgeemg.manifest import DecisionSettings, Manifest
from edgeemg.runtime.event_metrics import Timeline
from edgeemg.runtime.replay import Hop
from edgeemg.runtime.stretches import Stretch, total

EAGER = DecisionSettings(1, 0.0, {}, 1, 0.0)
HOP_HOURS = 25 / 250 / 3600
LEFT, REST = np.float32([4, 0, 0]), np.float32([0, 4, 0])


def hops(n: int, *, left_at: tuple[int, ...] = (), off: tuple[int, ...] = ()) -> list[Hop]:
    return [Hop(LEFT if k in left_at else REST, 99 + 25 * k, k not in off) for k in range(n)]


def test_hours_are_of_hops_that_could_decide(commands: Manifest) -> None:
    word = Event(1000, 250, "left")  # with a grace of 100 its span ends before 1350
    found = Stretch(hops(100, off=(1, 2, 3)), Timeline([word], 100), commands).count(EAGER)
    assert found.signal_hours == pytest.approx(97 * HOP_HOURS)
    assert found.untrusted_hours == pytest.approx(3 * HOP_HOURS)
    assert found.rest_hours == pytest.approx((97 - 14) * HOP_HOURS)


def test_a_word_with_the_electrode_off_is_unheard(commands: Manifest) -> None:
    word = Event(99, 25, "left")
    stretch = Stretch(hops(100, left_at=(0, 1), off=(0, 1)), Timeline([word], 0), commands)
    found = stretch.count(EAGER)
    assert (found.words, found.unheard_words, found.missed) == (0, 1, 0)
    assert found.false_activations == 0


def test_what_is_decided_is_held_against_the_words(commands: Manifest) -> None:
    word = Event(1000, 250, "left")
    found = Stretch(hops(100, left_at=(10, 40)), Timeline([word], 100), commands).count(EAGER)
    # hop 40 ends at sample 1099, hop 10 long before the word
    assert (found.hits, found.false_activations, found.delays_ms) == (1, 1, (396.0,))


@given(seed=st.integers(0, 50), held_out=st.floats(0.1, 0.9))
def test_no_word_and_no_sample_lies_in_both_parts(
    made_stretch: Callable[..., Stretch], commands: Manifest, seed: int, held_out: float
) -> None:
    whole = made_stretch(seed=seed, minutes=2)
    first, rest = whole.split(held_out)
    assert not set(first.timeline.words) & set(rest.timeline.words)
    assert set(first.timeline.words) | set(rest.timeline.words) == set(whole.timeline.words)
    if first.hops and rest.hops:
        begins = rest.hops[0].sample_index - commands.window_samples + 1
        assert first.hops[-1].sample_index < begins
        for word in range(len(first.timeline.words)):
            assert first.timeline.span_end(word) <= begins
    lost = len(whole.hops) - len(first.hops) - len(rest.hops)
    assert lost <= commands.window_samples // commands.hop_samples + 1
    assert len(rest.hops) == pytest.approx(held_out * len(whole.hops), abs=20)


def test_a_decision_in_a_word_that_was_cut_off_is_no_false_one(commands: Manifest) -> None:
    word = Event(1000, 250, "left")
    whole = Stretch(hops(100, left_at=tuple(range(37, 50))), Timeline([word], 100), commands)
    for start in range(900, 1400, 7):
        assert whole.since(start).count(EAGER).false_activations == 0


def test_the_decider_starts_anew_in_each_part(made_stretch: Callable[..., Stretch]) -> None:
    slow = DecisionSettings(3, 0.6, {}, 2, 1000.0)
    whole = made_stretch(seed=1, minutes=10)
    counts = total(whole.split(0.4), slow)
    assert counts.words == whole.count(slow).words
    assert abs(counts.hits - whole.count(slow).hits) <= 1


def test_nothing_heard_gives_nothing(commands: Manifest) -> None:
    nothing = Stretch([], Timeline([Event(0, 10, "left")], 0), commands)
    first, rest = nothing.split(0.4)
    assert total([first, rest, nothing.since(5)], EAGER).signal_hours == 0
