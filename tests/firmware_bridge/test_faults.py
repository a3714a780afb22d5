import numpy as np
import pytest

from firmware_bridge.faults import dropped_rows


def test_the_same_seed_drops_the_same_rows() -> None:
    first, again = dropped_rows(5000, 0.1, seed=4), dropped_rows(5000, 0.1, seed=4)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, dropped_rows(5000, 0.1, seed=5))


def test_about_the_fraction_that_was_asked_for_is_dropped() -> None:
    assert dropped_rows(20000, 0.1, seed=1).mean() == pytest.approx(0.1, abs=0.01)
    assert not dropped_rows(100, 0.0, seed=1).any()
    assert dropped_rows(100, 1.0, seed=1).all()


@pytest.mark.parametrize("fraction", [-0.1, 1.1, float("nan")])
def test_a_fraction_that_is_none_is_refused(fraction: float) -> None:
    with pytest.raises(ValueError, match=r"in 0\.\.1"):
        dropped_rows(10, fraction, seed=0)
