"""Fitting to another day, on a real engine: what it gains, and that it does not flatter itself."""

from dataclasses import replace

import numpy as np
import pytest

from edgeemg.errors import RecordingError
from edgeemg.runtime.bundle import open_bundle
from edgeemg.runtime.calibration import Fitted, Judged, Material, calibrate, check_repetitions
from edgeemg.runtime.engines import open_engine

LABELS = ("left", "rest", "right")
LOUD = np.array([[60, 5, 5, 5], [5, 5, 5, 5], [5, 5, 60, 5]])  # microvolts, by class and channel


def made(*, seed: int, repetitions: int = 5, per_trial: int = 4, loud=LOUD) -> Material:
    """Windows in which each class is loud on a channel of its own; trials in the order of time."""
    rng = np.random.default_rng(seed)
    classes = np.tile(np.arange(3), repetitions)
    trial = np.repeat(np.arange(len(classes)), per_trial)
    windows = rng.normal(0, 1, (len(trial), 100, 4)) * loud[classes[trial]][:, None]
    return Material(windows.astype(np.float32), trial, classes)


@pytest.fixture(scope="module")
def opened(tiny_bundle):
    bundle = open_bundle(tiny_bundle)
    return open_engine(bundle, "onnx"), bundle.manifest, bundle.layer()


def on(opened, material: Material, **changes) -> Fitted:
    engine, manifest, layer = opened
    return calibrate(material, engine, replace(manifest, **changes), layer)


def test_a_network_of_random_weights_learns_the_day(opened):
    fitted = on(opened, made(seed=1))
    assert fitted.before.balanced_accuracy < 0.7
    assert fitted.after.balanced_accuracy > 0.9
    assert fitted.is_better
    assert fitted.folds == 5
    assert fitted.gained - fitted.lost == fitted.after.right.sum() - fitted.before.right.sum()


def test_what_it_says_holds_on_trials_that_it_never_saw(opened):
    engine, manifest, _ = opened
    fitted = on(opened, made(seed=1))
    from edgeemg.dsp.inputs import scaled
    from edgeemg.runtime.heads import HeadedEngine

    new = made(seed=2, repetitions=10, per_trial=1)
    inputs = scaled(new.windows, scale=fitted.scale, clip=manifest.clip)
    calibrated = HeadedEngine(engine, fitted.head)
    named = [int(calibrated.logits(one[None]).argmax()) for one in inputs]
    assert np.mean(np.array(named) == new.classes) > 0.65  # of single windows, three classes


def test_where_nothing_can_be_learned_it_claims_nothing(opened):
    """One window a trial, and labels that mean nothing: a layer of 64 numbers fits them all."""
    alike = np.full((3, 4), 20)
    claims = [on(opened, made(seed=n, loud=alike)) for n in range(10, 16)]
    after = np.mean([one.after.balanced_accuracy for one in claims])
    assert after < 0.5
    assert not all(one.is_better for one in claims)


def test_a_day_so_loud_that_all_is_clipped_gets_its_own_scale(opened):
    loud = on(opened, made(seed=3, loud=LOUD * 200), scale=(10.0,) * 4)
    assert loud.scale_fitted
    assert min(loud.scale) > 500
    assert loud.after.balanced_accuracy > 0.8


def test_the_same_windows_give_the_same_layer(opened):
    one, two = (on(opened, made(seed=5)) for _ in range(2))
    assert np.array_equal(one.head.weight, two.head.weight)
    assert one.scale == two.scale


def test_few_windows_of_a_long_trial_weigh_as_much_as_many_of_a_short_one(opened):
    once = made(seed=6, per_trial=2)
    rows = np.concatenate([np.arange(len(once.trial)), np.flatnonzero(once.trial == 0)])
    rows = np.concatenate([rows, np.flatnonzero(once.trial == 0)])
    rows = rows[np.argsort(once.trial[rows], kind="stable")]
    thrice = Material(once.windows[rows], once.trial[rows], once.classes)
    a, b = on(opened, once), on(opened, thrice)
    assert a.way == b.way
    if not a.scale_fitted and not b.scale_fitted:
        np.testing.assert_allclose(a.head.weight, b.head.weight, rtol=1e-3, atol=1e-4)


def test_it_is_told_of_each_inference(opened):
    engine, manifest, layer = opened
    told = []
    material = made(seed=7, repetitions=3, per_trial=1)
    calibrate(material, engine, manifest, layer, on_window=told.append)
    assert sum(told) == 2 * len(material.windows)


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ((5, 0, 5), "no usable trial of rest; the model knows left, rest, right"),
        ((5, 5, 2), r"too few usable trials of right \(left 5, rest 5, right 2\): at least 3"),
        ((12, 12, 4), "far fewer trials of right than of the others"),
    ],
)
def test_too_few_or_uneven_repetitions_are_refused(counts, said):
    with pytest.raises(RecordingError, match=said):
        check_repetitions(np.repeat(np.arange(3), counts), LABELS)


def test_more_rest_than_words_is_as_the_recorder_gives_it():
    check_repetitions(np.repeat(np.arange(3), (5, 20, 5)), LABELS)
    check_repetitions(np.repeat(np.arange(3), (3, 3, 3)), LABELS)


def judged(*right: int) -> Judged:
    return Judged(np.array(right, dtype=bool), np.arange(len(right)) % 2)


def fitted(before: Judged, after: Judged, tiny) -> Fitted:
    return Fitted(tiny[2], (1.0,), "around", False, before, after, folds=5)


def test_the_chance_of_a_gain_is_that_of_a_sign_test(opened):
    clear = fitted(judged(0, 0, 0, 0, 0, 1), judged(1, 1, 1, 1, 1, 0), opened)
    assert (clear.gained, clear.lost) == (5, 1)
    assert clear.chance == pytest.approx(7 / 64)  # C(6, 5) + C(6, 6) of 2**6
    none = fitted(judged(0, 1), judged(0, 1), opened)
    assert none.chance == 1.0
    assert not none.is_better
