"""Tuned settings keep the target, on what they were tuned on and on what they never saw."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from edgeemg.manifest import DecisionSettings, Manifest
from edgeemg.runtime.event_metrics import EventCounts
from edgeemg.runtime.intervals import poisson_at_most
from edgeemg.runtime.stretches import Stretch, total
from edgeemg.runtime.tuning import THRESHOLDS, judge, structures, tune

Make = Callable[..., Stretch]


@pytest.fixture(scope="module")
def hour(made_stretch: Make) -> Stretch:
    return made_stretch(seed=0, minutes=60)


def test_the_target_is_kept_and_most_words_are_still_hit(hour: Stretch, commands: Manifest) -> None:
    before = total([hour], commands.decision)
    tuned = tune([hour], commands, false_per_hour=6)
    assert before.false_activations > 30
    assert tuned.settings is not None
    assert tuned.counts == total([hour], tuned.settings)
    assert tuned.counts.false_activations <= 6 * tuned.counts.rest_hours
    assert tuned.counts.hits > 0.5 * tuned.counts.words


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_what_was_tuned_on_an_hour_holds_in_others(
    seed: int, made_stretch: Make, commands: Manifest
) -> None:
    tuned = tune([made_stretch(seed=seed, minutes=60)], commands, false_per_hour=6)
    assert tuned.settings is not None
    others = [made_stretch(seed=1000 + 10 * seed + n, minutes=60) for n in range(4)]
    held_out = total(others, tuned.settings)
    assert judge(held_out, 6).verdict == "held"
    assert held_out.hits > 0.5 * held_out.words


def test_the_word_that_rest_is_taken_for_gets_the_higher_threshold(
    hour: Stretch, commands: Manifest
) -> None:
    settings = tune([hour], commands, false_per_hour=6).settings
    assert settings is not None
    assert set(settings.thresholds) == {"left", "right"}
    assert settings.thresholds["right"] > settings.thresholds["left"]


def test_a_looser_target_hits_more_words(hour: Stretch, commands: Manifest) -> None:
    hits = [tune([hour], commands, false_per_hour=one).counts.hits for one in (2, 10, 60)]
    assert hits == sorted(hits)
    assert hits[0] < hits[-1]


def test_hits_keep_the_longest_delay(hour: Stretch, commands: Manifest) -> None:
    free = tune([hour], commands, false_per_hour=20).counts.delay_ms(90)
    assert free is not None
    fast = tune([hour], commands, false_per_hour=20, max_delay_ms=free - 1)
    assert fast.settings is not None
    assert (fast.counts.delay_ms(90) or np.inf) < free
    assert tune([hour], commands, false_per_hour=20, max_delay_ms=1).settings is None


def test_too_little_rest_for_the_target_is_no_settings(
    made_stretch: Make, commands: Manifest
) -> None:
    minutes = made_stretch(seed=3, minutes=3)
    tuned = tune([minutes], commands, false_per_hour=0.5)
    assert tuned.settings is None
    assert tuned.least_per_hour > 0.5
    assert tune([minutes], commands, false_per_hour=2 * tuned.least_per_hour).settings is not None


def test_a_model_that_hears_no_word_cannot_be_tuned(made_stretch: Make, commands: Manifest) -> None:
    whole = made_stretch(seed=4, minutes=5)
    deaf = Stretch(
        [replace(one, logits=np.float32([-9, 9, -9])) for one in whole.hops],
        whole.timeline,
        commands,
    )
    tuned = tune([deaf], commands, false_per_hour=60)
    assert tuned.settings is None
    assert tuned.least_per_hour == np.inf


def test_every_structure_is_told(made_stretch: Make, commands: Manifest) -> None:
    steps: list[None] = []
    short = made_stretch(seed=5, minutes=1)
    tune([short], commands, false_per_hour=60, on_step=lambda: steps.append(None))
    assert len(steps) == len(structures(commands))


@pytest.mark.parametrize("refractory_ms", [0.0, 300.0, 1000.0, 4000.0])
def test_the_refractory_time_is_never_longer_than_the_manifests(
    refractory_ms: float, commands: Manifest
) -> None:
    own = DecisionSettings(7, 0.7, {"left": 0.9}, 6, refractory_ms, "somewhere")
    tried = structures(replace(commands, decision=own))
    assert all(one.refractory_ms <= refractory_ms for one in tried)
    assert len(tried) == len({(s.smoothing_hops, s.agreement_hops, s.refractory_ms) for s in tried})
    assert replace(own, thresholds={}, origin="") in tried


def test_thresholds_rise_and_are_probabilities() -> None:
    assert list(THRESHOLDS) == sorted(set(THRESHOLDS))
    assert 0 < THRESHOLDS[0] < 0.5 < THRESHOLDS[-1] < 1


# --- judging


@pytest.mark.parametrize(
    ("came", "hours", "verdict"),
    [
        (0, 1.5, "held"),  # 3 allowed
        (6, 1.5, "held"),
        (7, 1.5, "exceeded"),
        (0, 1.49, "cannot be judged"),
        (3, 1.0, "cannot be judged"),
        (0, 0.0, "cannot be judged"),
        (12, 1.0, "exceeded"),  # too few minutes to bear it out, enough to refute it
    ],
)
def test_three_expected_are_enough_to_judge(came: int, hours: float, verdict: str) -> None:
    found = judge(EventCounts(false_activations=came, rest_hours=hours), 2.0)
    assert (found.verdict, found.rest_hours) == (verdict, 1.5)
    assert found.expected == 2 * hours


def test_the_rules_chances_are_as_its_docstring_says() -> None:
    assert 1 - poisson_at_most(6, 3) == pytest.approx(0.034, abs=0.001)
    assert poisson_at_most(6, 12) == pytest.approx(0.046, abs=0.001)
