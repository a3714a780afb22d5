import math

import numpy as np
import pytest

from firmware_bridge.clocks import HostClock, drift_told
from firmware_bridge.frames import Stream

RATE = 250.0


def fed(
    clock: HostClock, seconds: float, *, ppm: float = 0.0, late=lambda rng: 0.0, seed: int = 0
) -> HostClock:
    """Reads every 40 ms of a sensor whose clock is this much fast; 3 ms is the least delay."""
    rng = np.random.default_rng(seed)
    for n in range(10, int(seconds * RATE), 10):
        clock.add(n, 1000.0 + n / (RATE * (1 + ppm * 1e-6)) + 0.003 + late(rng))
    return clock


def hiccups(rng: np.random.Generator) -> float:
    """Up to 16 ms of an adapter's timer, and now and then a host that does something else."""
    return rng.uniform(0, 0.016) + (rng.uniform(0.02, 0.2) if rng.random() < 0.05 else 0.0)


@pytest.mark.parametrize("ppm", [-5000.0, -80.0, 0.0, 80.0, 5000.0])
def test_drift_is_found_however_late_reads_are(ppm: float) -> None:
    assert fed(HostClock(RATE), 400, ppm=ppm, late=hiccups).drift_ppm() == pytest.approx(
        ppm, abs=15
    )


def test_a_fast_clock_has_a_positive_drift() -> None:
    assert fed(HostClock(RATE), 60, ppm=300).drift_ppm() == pytest.approx(300, abs=0.1)


def test_no_drift_is_told_before_thirty_seconds() -> None:
    assert HostClock(RATE).drift_ppm() is None
    assert fed(HostClock(RATE), 29, ppm=9000).drift_ppm() is None
    assert fed(HostClock(RATE), 31, ppm=9000).drift_ppm() is not None


@pytest.mark.parametrize("seconds", [1, 29, 60, 600])
def test_the_line_lies_at_the_least_delay_and_not_at_the_mean(seconds: int) -> None:
    clock = fed(HostClock(RATE), seconds, ppm=80, late=hiccups)
    last = int(seconds * RATE) - 10
    true_s = 1000.0 + last / (RATE * (1 + 80e-6)) + 0.003
    assert clock.index_at(true_s) == pytest.approx(last, abs=0.004 * RATE)


def test_the_index_at_a_time_follows_the_drift() -> None:
    clock = fed(HostClock(RATE), 100, ppm=-700)
    for index in (0, 777, 25_000, 10**7):
        host_s = 1000.0 + index / (RATE * (1 - 700e-6)) + 0.003
        assert clock.index_at(host_s) == pytest.approx(index, abs=0.1)


def test_only_the_last_five_minutes_count() -> None:
    clock = HostClock(RATE)
    for n in range(10, 200_000, 10):
        ppm = 0 if n < 100_000 else 1000
        clock.add(n, n / RATE - max(0, n - 100_000) / RATE * ppm * 1e-6)
    assert clock.drift_ppm() == pytest.approx(1000, abs=5)
    assert len(clock._earliest) == 30


def test_after_a_reset_nothing_is_known() -> None:
    clock = fed(HostClock(RATE), 60)
    clock.reset()
    assert clock.drift_ppm() is None
    assert math.isnan(clock.index_at(5.0))
    clock.add(10, 50.0)
    assert clock.index_at(51.0) == pytest.approx(260)


def test_a_drift_is_told_with_the_rate_that_it_makes() -> None:
    told = drift_told(4000.0, Stream(250.0, 8, 1.0, -9, 9, 256))
    assert "+4000 ppm" in told
    assert "251.000 samples a second where 250 are named" in told
    assert "nobody sees" not in told
    assert "nobody sees" in drift_told(4000.0, Stream(250.0, 8, 1.0, -9, 9, 0))
