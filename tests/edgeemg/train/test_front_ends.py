"""What the designed filters let through."""

import numpy as np
import pytest
from scipy.signal import sosfreqz

from edgeemg.errors import ModelError, RecordingError
from edgeemg.train.front_ends import FRONT_ENDS, design


def gain_at(band, hz, rate=250.0):
    _, response = sosfreqz(np.array(band.sections), worN=[hz], fs=rate)
    return float(np.abs(response[0]))


@pytest.mark.parametrize("name", FRONT_ENDS)
@pytest.mark.parametrize("rate", [100.0, 250.0, 1000.0])
def test_an_electrode_offset_never_passes(name, rate):
    for band in design(name, rate, 50.0):
        assert gain_at(band, 1e-6, rate) < 1e-6


@pytest.mark.parametrize("mains", [50.0, 60.0])
def test_broad_takes_out_mains_and_its_harmonic_and_leaves_the_rest(mains):
    (band,) = design("broad", 250.0, mains)
    assert gain_at(band, mains) < 1e-3
    assert gain_at(band, 2 * mains) < 1e-3
    for hz in (5.0, 30.0, mains - 10, mains + 10):
        assert gain_at(band, hz) == pytest.approx(1, abs=0.15)


def test_where_mains_is_unknown_nothing_is_notched():
    (band,) = design("broad", 250.0, None)
    assert len(band.sections) == 1
    assert gain_at(band, 50.0) == pytest.approx(1, abs=1e-3)


def test_split_parts_movement_from_muscle():
    movement, muscle = design("split", 250.0, None)
    assert gain_at(movement, 3.0) > 0.9 > 0.1 > gain_at(movement, 60.0)
    assert gain_at(muscle, 60.0) > 0.9 > 0.1 > gain_at(muscle, 3.0)


def test_an_unknown_front_end_lists_the_known_ones():
    with pytest.raises(ModelError, match="broad, split"):
        design("wavelet", 250.0, None)


def test_a_rate_too_low_for_emg_is_refused():
    with pytest.raises(RecordingError, match="at least 50 samples a second"):
        design("broad", 10.0, None)
