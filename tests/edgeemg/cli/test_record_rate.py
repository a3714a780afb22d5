"""A rate that is clearly wrong is told; bursts, silences and crystals are not."""

import numpy as np
import pytest

from edgeemg.cli.record_rate import RateWatch


def told(times, rate_hz, *, nominal_hz=1000.0):
    """When the first rate was told, and which; a sample index grows with the time."""
    watch = RateWatch(nominal_hz)
    for now_s in times:
        found = watch.take(round(now_s * rate_hz), now_s)
        if found is not None:
            return now_s, found
    return None


STEADY = np.arange(0, 120, 0.05)


@pytest.mark.parametrize("rate_hz", [250.0, 500.0, 800.0, 1250.0, 4000.0])
def test_another_rate_is_told(rate_hz):
    now_s, found = told(STEADY, rate_hz)
    assert 6 <= now_s < 12
    assert found == pytest.approx(rate_hz, rel=0.01)


@pytest.mark.parametrize("rate_hz", [980.0, 1000.0, 1020.0])
def test_a_clock_that_is_a_little_off_is_not(rate_hz):
    assert told(STEADY, rate_hz) is None


def test_bursts_are_not_another_rate():
    assert told(np.arange(0, 120, 0.9), 1000.0) is None


def test_what_piled_up_during_a_silence_is_not_another_rate():
    watch = RateWatch(1000.0)
    for round_ in range(20):
        start_s = 10.0 * round_
        for step in range(100):
            # nothing comes for the first 4 s; then all of it within 0.4 s
            now_s = start_s + max(4.0 + step / 100, step / 10)
            assert watch.take(round(1000 * (start_s + step / 10)), now_s) is None
