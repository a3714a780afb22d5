"""The interval is as wide as it has to be."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_rel

from edgeemg.train.comparison.paired import difference

SHARES = st.floats(0, 1, allow_nan=False)


def test_people_get_the_interval_of_scipys_paired_t_test() -> None:
    one, other = [0.7, 0.6, 0.9, 0.55], [0.6, 0.62, 0.7, 0.5]
    ours = difference(one, other, overlap=0)
    interval = ttest_rel(one, other).confidence_interval(0.95)
    assert (ours.low, ours.high) == pytest.approx((interval.low, interval.high))
    assert ours.mean == pytest.approx(np.mean(one) - np.mean(other))


def test_five_folds_get_an_interval_one_and_a_half_times_as_wide() -> None:
    one, other = [0.7, 0.6, 0.9, 0.55, 0.6], [0.6, 0.62, 0.7, 0.5, 0.5]
    plain = difference(one, other, overlap=0)
    ours = difference(one, other, overlap=0.25)
    assert plain.high is not None
    assert ours.high is not None
    # 1/5 + 1/4 in place of 1/5
    assert (ours.high - ours.mean) / (plain.high - plain.mean) == pytest.approx(1.5)


def test_fewer_training_trials_give_a_wider_interval() -> None:
    one, other = [0.7, 0.6, 0.9, 0.55, 0.6], [0.6, 0.62, 0.7, 0.5, 0.5]
    whole, tenth = (difference(one, other, overlap=share) for share in (0.25, 2.5))
    assert whole.high is not None
    assert tenth.high is not None
    # sqrt(0.2 + 2.5) over sqrt(0.2 + 0.25)
    assert (tenth.high - tenth.mean) / (whole.high - whole.mean) == pytest.approx(6**0.5)


def test_folds_without_a_difference_have_an_interval_of_nothing() -> None:
    same = [0.5, 0.6, 0.7]
    ours = difference(same, same, overlap=0.25)
    assert (ours.mean, ours.low, ours.high) == (0, 0, 0)


def test_two_folds_give_no_interval() -> None:
    ours = difference([0.5, 0.6], [0.4, 0.3], overlap=0.25)
    assert ours.mean == pytest.approx(0.2)
    assert (ours.low, ours.high, ours.n) == (None, None, 2)


@given(st.lists(st.tuples(SHARES, SHARES), min_size=3, max_size=40))
def test_swapping_the_two_turns_the_sign(pairs: list[tuple[float, float]]) -> None:
    one, other = zip(*pairs, strict=True)
    there = difference(one, other, overlap=0.25)
    back = difference(other, one, overlap=0.25)
    assert there.low is not None
    assert back.high is not None
    assert there.mean == pytest.approx(-back.mean)
    assert there.low == pytest.approx(-back.high, abs=1e-12)
    assert there.low <= there.mean + 1e-12
