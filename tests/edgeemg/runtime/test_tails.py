"""Tails of false activations: right on average, careful with few."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edgeemg.runtime.tails import expected

STEP = 0.3
LEVELS = np.arange(-1, 14, STEP)


def counts_of(log_odds: np.ndarray) -> np.ndarray:
    return (log_odds[:, None] >= LEVELS).sum(axis=0)[None]


def test_where_there_were_many_they_are_taken_as_they_fell() -> None:
    counts = counts_of(np.linspace(-1, 3, 200))
    found = expected(counts, STEP)
    assert found[0, :10] == pytest.approx(counts[0, :10])


def test_beyond_the_last_one_the_tail_goes_on() -> None:
    rng = np.random.default_rng(0)
    found = np.mean(
        [expected(counts_of(-1 + rng.exponential(1.0, 100)), STEP)[0] for _ in range(300)], axis=0
    )
    true = 100 * np.exp(-(LEVELS + 1))
    near = true > 0.2  # to a fifth of a false activation: 500 times below what was seen
    assert found[near] == pytest.approx(true[near], rel=1.0)
    assert (found[near] > 0.8 * true[near]).all()  # never sure of too little


def test_fewer_seen_promise_less() -> None:
    many = expected(counts_of(-1 + np.linspace(0.05, 1.95, 20)), STEP)[0]
    few = expected(counts_of(-1 + np.linspace(0.05, 1.95, 2)), STEP)[0]
    assert few[20] / few[0] > 10 * many[20] / many[0]


def test_a_label_that_was_never_false_counts_for_half_a_one() -> None:
    seen = counts_of(np.linspace(-1, 1, 40))[0]
    found = expected(np.stack([seen, np.zeros_like(seen)]), STEP)[1]
    assert found[0] == 0.5
    assert 0 < found[-1] < 0.25


@given(arrays(np.int64, (3, 12), elements=st.integers(0, 500)))
def test_it_falls_and_never_to_nothing(counts: np.ndarray) -> None:
    found = expected(counts, STEP)
    assert np.isfinite(found).all()
    assert (found > 0).all()
    assert (np.diff(found, axis=1) <= 1e-9).all()
