"""Lengths that name the class, and lengths that do not."""

import numpy as np
import pytest

from edgeemg.train.leaks.length import length_finding

LABELS = [str(label) for label in np.random.default_rng(5).permutation(list("abc") * 40)]


def lengths(longer=None, *, seed=1):
    """Around 200 samples, with jitter; those of one label longer by 40."""
    jitter = np.random.default_rng(seed).integers(-20, 21, len(LABELS))
    return [200 + int(j) + 40 * (one == longer) for one, j in zip(LABELS, jitter, strict=True)]


def test_a_class_of_longer_trials_is_found(trials):
    found = length_finding([trials(LABELS, lengths("b"))])
    assert found is not None
    assert found.leaks
    assert found.balanced_accuracy > 0.5
    assert (found.trials, found.classes) == (120, ("a", "b", "c"))
    assert found.majority == found.chance == pytest.approx(1 / 3)


@pytest.mark.parametrize("seed", range(5))
def test_lengths_that_do_not_depend_on_the_class_are_no_leak(trials, seed):
    found = length_finding([trials(LABELS, lengths(seed=seed))])
    assert found is not None
    assert not found.leaks
    assert found.p_value > 0.001


def test_one_length_for_all_is_exactly_chance(trials):
    found = length_finding([trials(LABELS, [200] * len(LABELS))])
    assert found is not None
    assert found.balanced_accuracy == pytest.approx(1 / 3)
    assert found.p_value > 0.9


def test_the_pauses_between_words_are_not_trials(trials):
    labels = ["rest" if n % 2 else one for n, one in enumerate(LABELS)]
    found = length_finding([trials(labels, lengths("b"), gap=0)])
    assert found is not None
    assert "rest" not in found.classes


def test_rest_that_was_recorded_as_trials_is_a_class(trials):
    labels = ["rest" if one == "b" else one for one in LABELS]
    found = length_finding([trials(labels, lengths("b"))])
    assert found is not None
    assert "rest" in found.classes
    assert found.leaks


def test_a_rare_class_is_left_out(trials):
    found = length_finding([trials([*LABELS, "rare"], [*lengths(), 900])])
    assert found is not None
    assert found.classes == ("a", "b", "c")
    assert found.trials == 120


def test_one_class_gives_no_finding(trials):
    assert length_finding([trials(["a"] * 30, [200] * 30)]) is None


def test_lengths_count_in_time_whatever_the_rate(trials):
    """Two recordings of the same milliseconds at two rates: nothing to tell."""
    from dataclasses import replace

    half = trials(LABELS, [100] * len(LABELS))
    slow = replace(half, samples=replace(half.samples, sample_rate_hz=125.0))
    found = length_finding([trials(LABELS, [200] * len(LABELS)), slow])
    assert found is not None
    assert found.balanced_accuracy == pytest.approx(1 / 3)
