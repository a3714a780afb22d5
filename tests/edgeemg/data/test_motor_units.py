from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from edgeemg.data import motor_units
from edgeemg.data.motor_units import CONTROL_HZ, MUSCLES, UNITS, Potentials, discharges, grow

RATE_HZ = 250.0
FAR = (400.0, 400.0)  # a reference that sees nothing


def constant(excitation: float, seconds: float = 20.0) -> np.ndarray:
    return np.full(int(seconds * CONTROL_HZ), excitation)


def pool_at(depth_mm: float) -> motor_units.Pool:
    muscle = replace(MUSCLES[0], x_mm=0.0, y_mm=0.0, angle_deg=0.0, depth_mm=depth_mm)
    return grow(muscle, np.random.default_rng(1))


def response(pool: motor_units.Pool, x_mm: float, y_mm: float) -> np.ndarray:
    """What one discharge of each unit makes at one electrode, at 2 kHz."""
    potentials = Potentials(pool, np.array([(x_mm, y_mm), FAR]), 2000.0)
    return potentials.sum(np.arange(UNITS), np.full(UNITS, 0.01), 200)[:, 0]


def test_a_muscle_that_is_told_nothing_is_silent() -> None:
    units, at_s = discharges(constant(0.0), np.random.default_rng(0))
    assert len(units) == len(at_s) == 0


def test_more_excitation_recruits_larger_units_and_keeps_the_small_ones() -> None:
    recruited = []
    for excitation in (0.03, 0.1, 0.3, 1.0):
        units, _ = discharges(constant(excitation), np.random.default_rng(0))
        active = np.unique(units)
        np.testing.assert_array_equal(active, np.arange(len(active)))  # from the smallest on
        recruited.append(len(active))
    assert recruited == sorted(set(recruited))
    assert recruited[-1] == UNITS


def test_a_unit_starts_at_8_a_second_and_never_passes_its_ceiling() -> None:
    slow, _ = discharges(constant(0.0235), np.random.default_rng(0))
    fast, _ = discharges(constant(1.0), np.random.default_rng(0))
    assert np.count_nonzero(slow == 0) / 20.0 == pytest.approx(8.0, rel=0.1)
    rates = np.bincount(fast) / 20.0
    assert rates[0] == pytest.approx(35.0, rel=0.05)
    assert rates[-1] == pytest.approx(25.0, rel=0.05)


def test_intervals_between_discharges_vary_by_a_fifth() -> None:
    units, at_s = discharges(constant(0.3, 100.0), np.random.default_rng(0))
    intervals = np.diff(at_s[units == 0])
    assert intervals.std() / intervals.mean() == pytest.approx(0.2, abs=0.02)


def test_the_sum_is_the_train_convolved_at_the_clock_and_decimated_by_the_converter() -> None:
    pool = grow(MUSCLES[4], np.random.default_rng(2))
    electrodes = np.array([(70.0, -10.0), (30.0, 0.0), (100.0, -6.0)])
    rng = np.random.default_rng(3)
    units, at_s = rng.integers(UNITS, size=500), rng.uniform(0, 2.0, 500)
    samples, ticks = 510, 16  # 16 ticks of 4 kHz a sample of 250 Hz

    found = Potentials(pool, electrodes, RATE_HZ).sum(units, at_s, samples)

    waves = motor_units._unit_potentials(pool, electrodes, RATE_HZ * ticks)
    train = np.zeros((UNITS, samples * ticks))
    np.add.at(train, (units, np.floor(at_s * RATE_HZ * ticks).astype(int)), 1.0)
    box = np.ones(ticks) / ticks
    for channel in range(2):
        fine = sum(
            np.convolve(train[unit], waves[unit, channel] - waves[unit, 2]) for unit in range(UNITS)
        )
        for _ in range(3):
            fine = np.convolve(fine, box)
        np.testing.assert_allclose(found[:, channel], fine[: samples * ticks : ticks], atol=1e-9)


def test_a_potential_fades_with_distance_from_the_muscle() -> None:
    pool = pool_at(5.0)
    peaks = [np.abs(response(pool, 5.0, away_mm)).max() for away_mm in (0.0, 15.0, 40.0, 100.0)]
    assert all(near > 1.5 * far for near, far in pairwise(peaks))


def test_depth_weakens_a_potential_and_takes_its_high_frequencies() -> None:
    centroids, peaks = [], []
    for depth_mm in (3.0, 8.0, 16.0):
        wave = response(pool_at(depth_mm), 0.0, 0.0)  # over the end-plates, far from tendons
        power = np.abs(np.fft.rfft(wave)) ** 2
        centroids.append((power * np.arange(len(power))).sum() / power.sum())
        peaks.append(np.abs(wave).max())
    assert centroids == sorted(centroids, reverse=True)
    assert peaks == sorted(peaks, reverse=True)


def test_no_charge_is_left_when_a_discharge_has_died_at_the_tendons() -> None:
    wave = response(pool_at(5.0), 8.0, 0.0)
    assert np.abs(wave[-50:]).max() < 1e-6 * np.abs(wave).max()


def test_the_converter_droops_by_12_db_at_half_the_sample_rate() -> None:
    gain = motor_units.converter_gain(np.array([0.0, 65.5, 125.0, 250.0]), RATE_HZ)
    # 0.262 of the data rate is the -3 dB point in the ADS1299 data sheet
    np.testing.assert_allclose(20 * np.log10(gain[:3]), (0.0, -3.0, -11.8), atol=0.1)
    assert gain[3] < 1e-12
