import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import signal

from edgeemg.profiler.response import pass_bands


def test_no_sections_let_everything_through() -> None:
    assert pass_bands([], 250) == [(0.0, 125.0)]


@given(st.floats(0.5, 110), st.sampled_from([1, 2, 4]))
def test_a_high_pass_begins_at_its_corner(corner_hz: float, order: int) -> None:
    sections = signal.butter(order, corner_hz, "highpass", fs=250, output="sos")
    ((low, high),) = pass_bands(sections, 250)
    assert low == pytest.approx(corner_hz, rel=1e-3)
    assert high == 125


def test_a_low_pass_begins_at_zero() -> None:
    ((low, high),) = pass_bands(signal.butter(2, 10, "lowpass", fs=1000, output="sos"), 1000)
    assert low == 0
    assert high == pytest.approx(10, rel=1e-3)


def test_a_notch_leaves_two_bands() -> None:
    sections = signal.tf2sos(*signal.iirnotch(50, 30, fs=250))
    (_, below), (above, _) = pass_bands(sections, 250)
    assert above - below == pytest.approx(50 / 30, rel=0.03)
    assert np.sqrt(below * above) == pytest.approx(50, rel=1e-3)


def test_a_gain_does_not_move_the_corners() -> None:
    sections = signal.butter(2, (20, 60), "bandpass", fs=250, output="sos")
    loud = sections.copy()
    loud[0, :3] *= 7
    assert pass_bands(loud, 250) == pass_bands(sections, 250)
