"""Rates and shares with intervals, held against scipy's distributions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, chi2, poisson

from edgeemg.runtime.intervals import poisson_at_most, rate_an_hour, share


@given(count=st.integers(0, 3000), hours=st.floats(0.01, 1000))
def test_a_rates_interval_is_garwoods(count: int, hours: float) -> None:
    found = rate_an_hour(count, hours)
    low = chi2.ppf(0.025, 2 * count) / 2 / hours if count else 0
    assert found.value == count / hours
    assert found.low == pytest.approx(low, rel=1e-6)
    assert found.high == pytest.approx(chi2.ppf(0.975, 2 * count + 2) / 2 / hours, rel=1e-6)


@given(st.integers(1, 3000).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_a_shares_interval_is_clopper_and_pearsons(pair: tuple[int, int]) -> None:
    count, of = pair
    found = share(count, of)
    low = beta.ppf(0.025, count, of - count + 1) if count else 0
    high = beta.ppf(0.975, count + 1, of - count) if count < of else 1
    assert found.value == count / of
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-6, abs=1e-9)


def test_nothing_watched_is_no_rate() -> None:
    assert rate_an_hour(0, 0.0).plain() == {
        "value": None,
        "low": 0.0,
        "high": None,
        "count": 0,
        "of": 0.0,
    }
    assert share(0, 0).value is None
    assert (share(0, 0).low, share(0, 0).high) == (0, 1)


@given(count=st.integers(0, 500), mean=st.floats(0, 600))
def test_the_chance_of_so_many_or_fewer_is_poissons(count: int, mean: float) -> None:
    assert poisson_at_most(count, mean) == pytest.approx(poisson.cdf(count, mean), abs=1e-9)
