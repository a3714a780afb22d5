import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeemg.errors import ManifestError
from edgeemg.manifest import DecisionSettings, Manifest
from edgeemg.runtime.decisions import Decider, Verdict

HOP = 30  # samples, of 250 a second: 120 ms
EAGER = DecisionSettings(smoothing_hops=1, threshold=0.0, agreement_hops=1, refractory_ms=0.0)
LEFT, REST, RIGHT = (
    np.log([0.9, 0.05, 0.05]),
    np.log([0.05, 0.9, 0.05]),
    np.log([0.05, 0.05, 0.9]),
)
UNSURE = np.log([0.5, 0.3, 0.2])


def decide(
    manifest: Manifest, hops: Sequence[Any], *, start: int = 69, **settings: Any
) -> list[Verdict]:
    """Verdicts of hops that follow each other; a hop that is None was lost."""
    decider = Decider(manifest, replace(EAGER, **settings))
    return [
        decider.feed(np.asarray(logits, np.float32), start + n * HOP)
        for n, logits in enumerate(hops)
        if logits is not None
    ]


def accepted(verdicts: list[Verdict]) -> list[bool]:
    return [one.accepted for one in verdicts]


def test_a_verdict_names_the_best_label_and_its_probability(plain_manifest: Manifest) -> None:
    (verdict,) = decide(plain_manifest, [UNSURE])
    assert verdict == Verdict("left", pytest.approx(0.5), 69, True)


def test_logits_need_no_scale_of_their_own(plain_manifest: Manifest) -> None:
    (verdict,) = decide(plain_manifest, [UNSURE + 1e4])
    assert verdict.confidence == pytest.approx(0.5, rel=1e-3)
    (verdict,) = decide(plain_manifest, [[3e38, -3e38, 0]])
    assert verdict.confidence == 1.0


def test_the_settings_of_the_manifest_hold_where_none_are_given(plain_manifest: Manifest) -> None:
    strict = replace(plain_manifest, decision=replace(EAGER, threshold=0.95))
    assert not Decider(strict).feed(LEFT.astype(np.float32), 69).accepted
    assert Decider(strict, EAGER).feed(LEFT.astype(np.float32), 69).accepted


# --- smoothing


def test_probabilities_are_averaged_over_the_last_hops(plain_manifest: Manifest) -> None:
    verdicts = decide(plain_manifest, [LEFT, LEFT, RIGHT, RIGHT, RIGHT], smoothing_hops=3)
    assert [one.label for one in verdicts] == ["left", "left", "left", "não", "não"]
    assert [one.confidence for one in verdicts] == pytest.approx(
        [0.9, 0.9, (0.9 + 0.9 + 0.05) / 3, (0.05 + 0.9 + 0.9) / 3, 0.9], rel=1e-6
    )


def test_one_hop_of_smoothing_is_none(plain_manifest: Manifest) -> None:
    verdicts = decide(plain_manifest, [LEFT, RIGHT], smoothing_hops=1)
    assert [one.confidence for one in verdicts] == pytest.approx([0.9, 0.9])


# --- threshold


@pytest.mark.parametrize(("threshold", "accepts"), [(0.49, True), (0.51, False), (1.0, False)])
def test_less_than_the_threshold_is_not_accepted(
    plain_manifest: Manifest, threshold: float, accepts: bool
) -> None:
    assert accepted(decide(plain_manifest, [UNSURE], threshold=threshold)) == [accepts]


def test_the_threshold_itself_is_enough(plain_manifest: Manifest) -> None:
    assert accepted(decide(plain_manifest, [[800.0, 0, 0]], threshold=1.0)) == [True]


def test_a_label_may_have_its_own_threshold_above_or_below(plain_manifest: Manifest) -> None:
    thresholds = {"left": 0.95, "não": 0.1}
    hops = [LEFT, np.log([0.2, 0.3, 0.5])]
    assert accepted(decide(plain_manifest, hops, threshold=0.8, thresholds=thresholds)) == [
        False,
        True,
    ]


# --- agreement


def test_hops_in_a_row_must_agree(plain_manifest: Manifest) -> None:
    hops = [LEFT, LEFT, LEFT, RIGHT, LEFT, LEFT, LEFT, LEFT]
    assert accepted(decide(plain_manifest, hops, agreement_hops=3)) == [
        *[False, False, True],
        *[False, False, False, True, True],
    ]


def test_rest_between_two_hops_of_a_word_breaks_their_agreement(plain_manifest: Manifest) -> None:
    assert not any(accepted(decide(plain_manifest, [LEFT, REST] * 4, agreement_hops=2)))


# --- refractory time


@pytest.mark.parametrize(
    ("refractory_ms", "gap_hops"), [(0, 1), (119, 1), (120, 1), (125, 2), (240, 2), (250, 3)]
)
def test_after_a_decision_none_follows_for_the_refractory_time(
    plain_manifest: Manifest, refractory_ms: float, gap_hops: int
) -> None:
    verdicts = decide(plain_manifest, [LEFT] * 12, refractory_ms=refractory_ms)
    decided = [n for n, one in enumerate(verdicts) if one.accepted]
    assert decided == list(range(0, 12, gap_hops))


def test_another_label_waits_for_the_refractory_time_too(plain_manifest: Manifest) -> None:
    assert accepted(decide(plain_manifest, [LEFT, RIGHT, RIGHT], refractory_ms=240)) == [
        True,
        False,
        True,
    ]


def test_what_was_not_accepted_starts_no_refractory_time(plain_manifest: Manifest) -> None:
    assert accepted(
        decide(plain_manifest, [REST, UNSURE, LEFT], threshold=0.6, refractory_ms=1e4)
    ) == [
        False,
        False,
        True,
    ]


def test_a_break_does_not_shorten_the_refractory_time(plain_manifest: Manifest) -> None:
    hops = [LEFT, None, LEFT, LEFT, LEFT, LEFT]
    assert accepted(decide(plain_manifest, hops, refractory_ms=480)) == [
        True,
        False,
        False,
        True,
        False,
    ]


def test_a_sensor_that_counts_from_0_again_is_not_silent_for_ever(plain_manifest: Manifest) -> None:
    decider = Decider(plain_manifest, replace(EAGER, refractory_ms=600))
    assert decider.feed(LEFT.astype(np.float32), 2**31).accepted
    assert decider.feed(LEFT.astype(np.float32), 69).accepted


# --- rest


@pytest.mark.parametrize("thresholds", [{}, {"rest": 0.0}])
def test_rest_is_never_accepted(plain_manifest: Manifest, thresholds: dict[str, float]) -> None:
    assert not any(accepted(decide(plain_manifest, [REST] * 5, thresholds=thresholds)))


def test_without_a_rest_label_every_label_can_be_decided(plain_manifest: Manifest) -> None:
    assert all(accepted(decide(replace(plain_manifest, rest_label=None), [REST] * 3)))


# --- breaks in time


def test_a_break_forgets_smoothing(plain_manifest: Manifest) -> None:
    verdicts = decide(plain_manifest, [LEFT, LEFT, None, RIGHT], smoothing_hops=3)
    assert (verdicts[-1].label, verdicts[-1].confidence) == ("não", pytest.approx(0.9))


def test_a_break_forgets_agreement(plain_manifest: Manifest) -> None:
    hops = [LEFT, LEFT, None, LEFT, LEFT, LEFT]
    assert accepted(decide(plain_manifest, hops, agreement_hops=3)) == [False] * 4 + [True]


# --- logits that are not finite


@pytest.mark.parametrize("broken", [[math.nan] * 3, [9.0, 0, math.nan], [math.inf, 0, 0]])
def test_logits_that_are_not_finite_are_never_accepted(
    plain_manifest: Manifest, broken: list[float]
) -> None:
    assert accepted(decide(plain_manifest, [broken] * 3)) == [False] * 3
    # nor does what came before decide in their name
    verdicts = decide(plain_manifest, [LEFT, LEFT, broken, LEFT], smoothing_hops=3)
    assert accepted(verdicts) == [True, True, False, True]
    assert all(0 < one.confidence < 1 for one in verdicts)


def test_logits_that_are_not_finite_break_agreement(plain_manifest: Manifest) -> None:
    hops = [LEFT, LEFT, [math.nan] * 3, LEFT, LEFT, LEFT]
    verdicts = decide(plain_manifest, hops, agreement_hops=3, smoothing_hops=2)
    assert accepted(verdicts) == [False] * 5 + [True]


# --- settings


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"smoothing_hops": 0}, r"smoothing_hops must lie in 1\.\.10000, got 0"),
        ({"smoothing_hops": 10**30}, "smoothing_hops must lie in"),
        ({"agreement_hops": 0}, "agreement_hops must lie in"),
        ({"agreement_hops": -1}, "agreement_hops must lie in"),
        ({"threshold": 1.01}, r"thresholds must lie in 0\.\.1"),
        ({"threshold": -0.01}, r"thresholds must lie in 0\.\.1"),
        ({"threshold": math.nan}, r"thresholds must lie in 0\.\.1"),
        ({"thresholds": {"left": 2.0}}, r"thresholds must lie in 0\.\.1"),
        ({"thresholds": {"up": 0.5, "down": 0.5}}, "unknown labels down, up"),
        ({"refractory_ms": -1.0}, "refractory_ms must be finite and not negative"),
        ({"refractory_ms": math.nan}, "refractory_ms must be finite"),
        ({"refractory_ms": math.inf}, "refractory_ms must be finite"),
    ],
)
def test_settings_out_of_range_are_refused(
    plain_manifest: Manifest, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ManifestError, match=message):
        Decider(plain_manifest, replace(EAGER, **settings))


# --- whatever comes


@given(
    hops=st.lists(
        st.lists(st.floats(width=32), min_size=3, max_size=3) | st.none(), min_size=1, max_size=30
    ),
    smoothing=st.integers(1, 4),
    agreement=st.integers(1, 4),
    threshold=st.floats(0, 1),
    refractory_ms=st.floats(0, 1000),
)
def test_whatever_an_engine_gives_the_rules_hold(
    plain_manifest: Manifest,
    hops: list[list[float] | None],
    smoothing: int,
    agreement: int,
    threshold: float,
    refractory_ms: float,
) -> None:
    verdicts = decide(
        plain_manifest,
        hops,
        smoothing_hops=smoothing,
        agreement_hops=agreement,
        threshold=threshold,
        refractory_ms=refractory_ms,
    )
    decisions = [one for one in verdicts if one.accepted]
    assert all(0 <= one.confidence <= 1 + 1e-9 for one in verdicts)
    assert all(one.label != "rest" and one.confidence >= threshold for one in decisions)
    for before, after in pairwise(decisions):
        assert after.sample_index - before.sample_index >= round(refractory_ms * 0.25)
    labels = {one.sample_index: one.label for one in verdicts}
    for one in decisions:
        agreed = [labels.get(one.sample_index - n * HOP) for n in range(agreement)]
        assert set(agreed) == {one.label}
