"""The word for how an electrode sits, from what a meter found in a second of it."""

import math

import numpy as np
import pytest

from edgeemg.data.level_meter import Fault, Level, LevelMeter
from edgeemg.dsp.samples import Samples
from edgeemg.runtime.monitor_contact import contact


def word_of(microvolts, valid=None):
    """The word for one channel after a second at 250 Hz, by the meter that the runtime uses."""
    values = np.asarray(microvolts, dtype=np.float32)[:, None]
    valid = np.isfinite(values) if valid is None else valid
    meter = LevelMeter(250, 1, microvolts_per_count=0.022, rails_uv=(-187_500, 187_500))
    meter.take(Samples(values, 250, np.arange(len(values)), valid))
    (level,) = meter.levels()
    return contact(level)["word"]


def noise(size=20.0):
    return np.random.default_rng(2).normal(0, size, 250)


def mains(amplitude_uv, hz=50):
    return amplitude_uv * np.sin(2 * np.pi * hz * np.arange(250) / 250)


def test_muscle_and_a_usual_hum_on_an_offset_are_good():
    assert word_of(noise() + mains(300, 60) - 20_000) == "good"


@pytest.mark.parametrize("hz", [50, 60])
def test_mains_that_drowns_the_rest_is_noisy(hz):
    assert word_of(noise() + mains(2000, hz)) == "noisy"


def test_loud_mains_beside_loud_muscle_is_good():
    assert word_of(noise(200) + mains(2000)) == "good"  # an amplifier that makes both large


def test_a_channel_at_the_end_of_the_range_is_railed():
    railed = np.full(250, 187_500.0)
    assert word_of(railed, np.zeros((250, 1), bool)) == "railed"


def test_what_the_sensor_calls_off_is_off():
    assert word_of(noise(), np.zeros((250, 1), bool)) == "off"


def test_a_channel_that_does_not_move_is_flat():
    assert word_of(np.full(250, 1234.5)) == "flat"


def test_a_channel_without_values_is_missing():
    assert word_of(np.full(250, np.nan)) == "missing"


def test_before_half_a_second_it_waits():
    assert word_of(noise()[:100]) == "waiting"


@pytest.mark.parametrize("fault", list(Fault))
def test_every_fault_has_a_remedy_and_no_level(fault):
    told = contact(Level(3.0, fault))
    assert told["word"] == fault.value
    assert told["remedy"]
    assert told["level_uv"] is None


def test_levels_and_mains_are_told_as_numbers():
    told = contact(Level(12.34, None, 50.0, 80.06))
    assert told == {
        "word": "good",
        "remedy": "",
        "level_uv": 12.3,
        "mains_uv": 80.1,
        "mains_hz": 50.0,
    }
    assert contact(Level(math.nan))["level_uv"] is None
