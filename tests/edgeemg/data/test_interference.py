from collections.abc import Callable

import numpy as np
import pytest
from scipy import signal

from edgeemg.data import interference

RATE_HZ = 250.0
MINUTE = int(60 * RATE_HZ)


def density(microvolts: np.ndarray, rate_hz: float = RATE_HZ) -> tuple[np.ndarray, np.ndarray]:
    frequency_hz, power = signal.welch(microvolts, rate_hz, nperseg=1000, axis=0)
    return frequency_hz, np.sqrt(power)


def test_coloured_noise_has_the_density_that_was_asked_for() -> None:
    asked: Callable[[np.ndarray], np.ndarray] = lambda f: 2.0 + 3.0 * (f > 60)  # noqa: E731
    noise = interference.coloured(np.random.default_rng(0), 20 * MINUTE, 1, RATE_HZ, asked)
    frequency_hz, found = density(noise[:, 0])
    assert found[(frequency_hz > 5) & (frequency_hz < 55)].mean() == pytest.approx(2.0, rel=0.03)
    assert found[(frequency_hz > 65) & (frequency_hz < 120)].mean() == pytest.approx(5.0, rel=0.03)


@pytest.mark.parametrize("mains_hz", [50.0, 60.0])
def test_hum_is_a_line_at_the_mains_frequency_with_a_harmonic(mains_hz: float) -> None:
    hum = interference.mains_hum(np.random.default_rng(0), MINUTE, 8, RATE_HZ, mains_hz)
    frequency_hz, found = density(hum)
    assert (frequency_hz[found.argmax(axis=0)] == mains_hz).all()
    twice = found[np.abs(frequency_hz - 2 * mains_hz).argmin()]
    beside = found[np.abs(frequency_hz - 2 * mains_hz - 4).argmin()]
    assert (twice > 20 * beside).all()


def test_hum_differs_in_size_and_phase_from_channel_to_channel_and_wavers() -> None:
    hum = interference.mains_hum(np.random.default_rng(0), MINUTE, 8, RATE_HZ, 50.0)
    sizes = hum.std(axis=0)
    assert sizes.max() > 1.5 * sizes.min()
    assert np.abs(np.corrcoef(hum.T)[0, 1:]).min() < 0.95
    by_second = hum[:, 0].reshape(60, -1).std(axis=1)
    assert by_second.max() > 1.05 * by_second.min()


def test_offsets_are_thousands_of_microvolts_and_stay_far_from_the_rails() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        drifting = interference.offset_and_drift(rng, MINUTE, 8, RATE_HZ)
        assert np.abs(drifting).max() < 100_000
        assert np.median(np.abs(drifting.mean(axis=0))) > 500
        assert (np.ptp(drifting, axis=0) > 100).all()


def test_electrode_noise_is_a_few_microvolts_and_common_to_channels_in_part() -> None:
    noise = interference.electrode_noise(np.random.default_rng(0), MINUTE, 8, RATE_HZ)
    fast = signal.sosfilt(signal.butter(2, 20, "highpass", fs=RATE_HZ, output="sos"), noise, axis=0)
    assert ((fast.std(axis=0) > 0.5) & (fast.std(axis=0) < 6)).all()
    assert 0.2 < np.corrcoef(fast.T)[0, 1] < 0.8


def test_movements_are_slow() -> None:
    moved = interference.movements(np.random.default_rng(0), 5 * MINUTE, 8, RATE_HZ)
    frequency_hz, found = density(moved)
    power = found**2
    assert power[frequency_hz < 8].sum() > 0.99 * power.sum()
    assert np.abs(moved).max() > 50


def test_a_pop_is_on_one_channel_and_decays() -> None:
    popped = interference.pops(np.random.default_rng(0), 20 * MINUTE, 8, RATE_HZ)
    steps = np.abs(np.diff(popped, axis=0)) > 50
    at, channels = np.nonzero(steps)
    assert len(set(channels.tolist())) >= 3
    assert 3 < len(at) < 200
    first = at[0] + 1
    assert (popped[first] != 0).sum() == 1
    assert np.abs(popped[first + int(2.5 * RATE_HZ)]).max() < 0.01 * np.abs(popped[first]).max()
