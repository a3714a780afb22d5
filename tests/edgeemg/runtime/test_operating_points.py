"""The curve: the manifest lies on it, and higher thresholds decide less."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeemg.manifest import DecisionSettings, Manifest
from edgeemg.runtime.operating_points import curve, shifted
from edgeemg.runtime.stretches import Stretch


@pytest.mark.parametrize(
    "own",
    [
        DecisionSettings(),
        DecisionSettings(4, 0.9, {"left": 0.7, "right": 0.99}, 3, 500.0, "tuned"),
        DecisionSettings(1, 1.0, {"left": 0.0}, 1, 0.0),
    ],
)
def test_the_manifests_own_point_is_on_the_curve_once(
    own: DecisionSettings, made_stretch: Callable[..., Stretch], commands: Manifest
) -> None:
    stretch = made_stretch(seed=2, minutes=5)
    points = curve([stretch], replace(commands, decision=own))
    (marked,) = [one for one in points if one.is_own]
    assert marked.settings == own
    assert marked.counts == stretch.count(own)
    assert len(points) == len({repr(one.settings) for one in points})


def test_higher_thresholds_decide_less_in_rest_and_in_words(
    made_stretch: Callable[..., Stretch], commands: Manifest
) -> None:
    points = curve([made_stretch(seed=2, minutes=30)], commands)
    first = points[0].settings
    alike = [one.counts for one in points if one.settings.smoothing_hops == first.smoothing_hops]
    assert alike[0].false_activations > 5 * alike[-1].false_activations
    assert alike[0].missed < alike[-1].missed
    assert len({one.settings.smoothing_hops for one in points}) == 3


@given(st.floats(0.01, 0.99), st.floats(-3, 9))
def test_a_shift_there_and_back_changes_nothing(threshold: float, log_odds: float) -> None:
    before = DecisionSettings(threshold=threshold, thresholds={"left": threshold / 2})
    after = shifted(shifted(before, log_odds), -log_odds)
    assert after.threshold == pytest.approx(threshold, rel=1e-6)
    assert after.thresholds["left"] == pytest.approx(threshold / 2, rel=1e-6)
