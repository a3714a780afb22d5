"""Levels that a person sees: muscle and noise without offset and mains, and what is wrong."""

import math

import numpy as np
import pytest

from edgeemg.data.level_meter import Fault, LevelMeter
from edgeemg.dsp.samples import Samples

COUNT_UV = 0.5
RAILS_UV = (-1000.0, 1000.0)


def levels(microvolts, *, valid=None, rate_hz=250.0, piece=10):
    """The meter after samples that came in pieces."""
    values = np.asarray(microvolts, dtype=np.float32)
    valid = np.isfinite(values) if valid is None else valid
    meter = LevelMeter(rate_hz, values.shape[1], microvolts_per_count=COUNT_UV, rails_uv=RAILS_UV)
    for start in range(0, len(values), piece):
        rows = slice(start, start + piece)
        index = np.arange(len(values), dtype=np.int64)[rows]
        meter.take(Samples(values[rows], rate_hz, index, valid[rows]))
    return meter.levels()


def noise(n=500, channels=1, size=20.0):
    return np.random.default_rng(1).normal(0, size, (n, channels))


def hum(hz, n=500, rate_hz=250.0):
    return np.sin(2 * np.pi * hz * np.arange(n) / rate_hz + 0.7)[:, np.newaxis]


def test_an_offset_and_a_drift_do_not_count():
    drift = np.linspace(-200, 300, 500)[:, np.newaxis]
    (level,) = levels(noise() + 5000 + drift)
    assert level.rms_uv == pytest.approx(20, rel=0.15)
    assert level.fault is None
    assert level.hum_hz is None


@pytest.mark.parametrize("hz", [50.0, 60.0])
@pytest.mark.parametrize("rate_hz", [250.0, 1000.0])
def test_hum_is_named_and_taken_out(hz, rate_hz):
    n = int(2 * rate_hz)
    (level,) = levels(noise(n) + 150 * hum(hz, n, rate_hz), rate_hz=rate_hz)
    assert level.hum_hz == hz
    assert level.hum_uv == pytest.approx(150 / math.sqrt(2), rel=0.1)
    assert level.rms_uv == pytest.approx(20, rel=0.2)


def test_a_little_hum_is_no_alarm():
    (level,) = levels(noise() + 10 * hum(50.0))
    assert level.hum_hz is None


def test_at_a_rate_that_cannot_show_the_mains_there_is_no_hum():
    (level,) = levels(noise(200), rate_hz=20.0)
    assert level.hum_hz is None
    assert level.rms_uv > 0


def test_what_is_wrong_is_named():
    values = noise(500, 5)
    valid = np.ones(values.shape, np.bool_)
    values[:, 0] = 77.0
    values[:, 1], valid[:, 1] = 1000.0, False
    values[:, 2], valid[:, 2] = np.nan, False
    valid[:, 3] = False
    assert [one.fault for one in levels(values, valid=valid)] == [
        Fault.FLAT,
        Fault.RAILED,
        Fault.MISSING,
        Fault.OFF,
        None,
    ]


def test_only_the_last_second_counts():
    (level,) = levels(np.concatenate([noise(500, size=200.0), noise(250, size=5.0)]))
    assert level.rms_uv == pytest.approx(5, rel=0.2)


def test_before_enough_came_and_after_clear_nothing_is_known():
    (level,) = levels(noise(100))
    assert math.isnan(level.rms_uv)
    meter = LevelMeter(250.0, 1, microvolts_per_count=COUNT_UV, rails_uv=RAILS_UV)
    meter.take(Samples.contiguous(noise(), 250.0))
    assert not math.isnan(meter.levels()[0].rms_uv)
    meter.clear()
    assert math.isnan(meter.levels()[0].rms_uv)


def test_some_missing_values_do_not_hide_the_level():
    values = noise()
    values[::7] = np.nan
    (level,) = levels(values)
    assert level.rms_uv == pytest.approx(20, rel=0.2)
