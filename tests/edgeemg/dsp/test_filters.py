import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.signal import butter, iirnotch, sosfilt, sosfilt_zi, tf2sos

from edgeemg.dsp.filters import CausalFilter, FilterBank
from edgeemg.errors import ManifestError

HIGH_PASS = butter(2, 0.8, "highpass", fs=250, output="sos")
BAND_PASS = butter(4, (15, 100), "bandpass", fs=250, output="sos")
NOTCH = tf2sos(*iirnotch(50, 30, fs=250))
HIGH_PASS_AND_NOTCH = np.vstack([HIGH_PASS, NOTCH])
RESONATOR = [1.0, 0, 0, 1, -1.9, 0.95]


def emg(n: int, channels: int = 2, *, seed: int = 0) -> NDArray[np.float32]:
    """(n, channels) of noise on electrode offsets of thousands of microvolts."""
    rng = np.random.default_rng(seed)
    offsets = rng.uniform(-30_000, 30_000, channels)
    return (offsets + rng.normal(0, 20, (n, channels))).astype(np.float32)


def by_scipy(sections: NDArray[np.float64], values: NDArray[np.float32]) -> NDArray[np.float64]:
    """The same cascade by scipy, at rest under the first sample: (time, channel) float64."""
    start = sosfilt_zi(sections)[:, :, None] * values[0].astype(np.float64)
    filtered, _ = sosfilt(sections, values.astype(np.float64), axis=0, zi=start)
    return filtered


def largest_gain(sections: NDArray[np.float64]) -> float:
    """A bound of what passes between the sections: the product of their absolute responses."""
    impulse = np.zeros(4000)
    impulse[0] = 1
    return float(np.prod([1 + np.abs(sosfilt(row[None], impulse)).sum() for row in sections]))


@st.composite
def cascades(draw: st.DrawFn) -> NDArray[np.float64]:
    """One to four stable sections: pole pairs complex or real, any zeros."""
    rows = []
    for _ in range(draw(st.integers(1, 4))):
        if draw(st.booleans()):
            radius, angle = draw(st.floats(0, 0.98)), draw(st.floats(0, math.pi))
            a1, a2 = -2 * radius * math.cos(angle), radius**2
        else:
            one, two = draw(st.floats(-0.98, 0.98)), draw(st.floats(-0.98, 0.98))
            a1, a2 = -(one + two), one * two
        rows.append([*(draw(st.floats(-2, 2)) for _ in range(3)), 1.0, a1, a2])
    return np.array(rows)


@given(
    sections=cascades(),
    n=st.integers(1, 200),
    channels=st.integers(1, 3),
    block=st.integers(1, 80),
    seed=st.integers(0, 1000),
)
def test_any_stable_cascade_equals_scipy(
    sections: NDArray[np.float64], n: int, channels: int, block: int, seed: int
) -> None:
    values = emg(n, channels, seed=seed)
    wanted = by_scipy(sections, values)
    rounding = 1e-13 * largest_gain(sections) * np.abs(values).max()
    ours = CausalFilter(sections, block=block).process(values)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, wanted.astype(np.float32), rtol=3e-7, atol=rounding)


@pytest.mark.parametrize("block", [1, 7, 25, 64, 500])
@pytest.mark.parametrize("sections", [HIGH_PASS, HIGH_PASS_AND_NOTCH, BAND_PASS])
def test_the_filters_of_our_front_ends_equal_scipy_to_a_rounding(
    sections: NDArray[np.float64], block: int
) -> None:
    values = emg(2000, 8)
    wanted = by_scipy(sections, values)
    ours = CausalFilter(sections, block=block).process(values)
    # 1e-9 of the electrode offset, and the rounding to float32
    np.testing.assert_allclose(ours, wanted.astype(np.float32), rtol=3e-7, atol=1e-9 * 30_000)


@given(cuts=st.sets(st.integers(0, 300)), block=st.integers(1, 80))
def test_any_chunking_gives_the_same_output(cuts: set[int], block: int) -> None:
    values = emg(300)
    whole = CausalFilter(HIGH_PASS_AND_NOTCH).process(values)
    chunked = CausalFilter(HIGH_PASS_AND_NOTCH, block=block)
    pieces = [chunked.process(values[a:b]) for a, b in pairwise([0, *sorted(cuts), 300])]
    np.testing.assert_allclose(np.concatenate(pieces), whole, rtol=3e-7, atol=1e-9 * 30_000)


@pytest.mark.parametrize("offset", [100_000.0, -187_500.0])
@pytest.mark.parametrize("sections", [HIGH_PASS, HIGH_PASS_AND_NOTCH, BAND_PASS])
def test_a_constant_offset_makes_no_transient_from_the_first_sample_on(
    sections: NDArray[np.float64], offset: float
) -> None:
    values = np.full((1000, 2), offset, dtype=np.float32)
    assert np.abs(CausalFilter(sections).process(values)).max() < 1e-5  # microvolts


def test_an_offset_that_comes_later_does_make_a_transient() -> None:
    values = np.full((10, 1), 100_000.0, dtype=np.float32)
    values[0] = 0
    assert np.abs(CausalFilter(HIGH_PASS).process(values)).max() > 90_000


def test_the_past_does_not_know_the_future() -> None:
    values = emg(200)
    changed = values.copy()
    changed[120:] += 1000
    ours, theirs = (CausalFilter(BAND_PASS).process(one) for one in (values, changed))
    assert np.array_equal(ours[:120], theirs[:120])
    assert not np.array_equal(ours[120:], theirs[120:])


def test_channels_do_not_touch_each_other() -> None:
    values = emg(100, 3)
    alone = CausalFilter(BAND_PASS).process(values[:, 1:2])
    together = CausalFilter(BAND_PASS).process(values)[:, 1:2]
    np.testing.assert_allclose(together, alone, rtol=3e-7, atol=1e-9 * 30_000)


def test_reset_forgets_the_past() -> None:
    values = emg(100)
    used = CausalFilter(HIGH_PASS)
    first = used.process(values)
    goes_on = used.process(values)
    used.reset()
    assert np.array_equal(used.process(values), first)
    assert not np.array_equal(goes_on, first)


def test_after_a_reset_the_number_of_channels_may_change() -> None:
    used = CausalFilter(HIGH_PASS)
    used.process(emg(10, 2))
    with pytest.raises(ValueError, match="runs on 2 channels, got 3"):
        used.process(emg(10, 3))
    used.reset()
    assert used.process(emg(10, 3)).shape == (10, 3)


@pytest.mark.parametrize("nothing", [[], (), np.zeros((0, 6))])
def test_no_sections_pass_samples_through(nothing: list[list[float]]) -> None:
    values = emg(150)
    assert np.array_equal(CausalFilter(nothing).process(values), values)


def test_no_samples_give_no_samples_and_leave_the_state_alone() -> None:
    values = emg(60)
    used = CausalFilter(HIGH_PASS)
    assert used.process(values[:0]).shape == (0, 2)
    first = used.process(values[:30])
    assert used.process(values[:0]).dtype == np.float32
    both = np.concatenate([first, used.process(values[30:])])
    np.testing.assert_allclose(both, CausalFilter(HIGH_PASS).process(values), atol=1e-4)


def test_the_samples_handed_in_are_not_changed() -> None:
    values = emg(100)
    before = values.copy()
    CausalFilter(HIGH_PASS).process(values)
    assert np.array_equal(values, before)


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ([[1, 0, 0, 1, -2.0, 1.0]], "pole at radius 1"),
        ([[1, 0, 0, 1, 0, -1.0]], "pole at radius 1"),
        ([[1, 0, 0, 1, -1.0, 0]], "pole at radius 1"),
        ([[1, 0, 0, 1, 0, 1.1]], "pole at radius 1.04"),
        ([RESONATOR, [1, 0, 0, 1, 2.5, 1.0]], "pole at radius 2"),
        ([[math.nan, 0, 0, 1, 0, 0]], "must be finite"),
        ([[1, 0, 0, 1, 0, math.nan]], "must be finite"),
        ([[math.inf, 0, 0, 1, 0, 0]], "must be finite"),
        ([[1, 0, 0, 2.0, 0, 0]], "a0 = 1"),
        ([[1, 0, 0, 0.0, 0, 0]], "a0 = 1"),
        ([[1, 0, 0, 1.000009, 0, 0]], "a0 = 1"),
        ([RESONATOR, [1, 0, 0, -1.0, 0, 0]], "a0 = 1"),
        ([[1, 0, 0, 1, 0]] * 6, "rows of 6"),
        ([1, 0, 0, 1, 0, 0], "rows of 6"),
        ([[1, 0, 0, 1, 0, 0], [1]], "rows of 6"),
        ([["a", "b", "c", "d", "e", "f"]], "rows of 6"),
        (None, "finite|rows of 6"),
    ],
)
def test_sections_that_cannot_run_are_refused(sections: object, message: str) -> None:
    with pytest.raises(ManifestError, match=message):
        CausalFilter(sections)  # type: ignore[arg-type]


def test_a_pole_just_inside_the_circle_is_accepted() -> None:
    assert len(CausalFilter([[1, 0, 0, 1, -0.999999, 0]]).process(emg(5))) == 5


def test_a_block_of_no_samples_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 sample"):
        CausalFilter(HIGH_PASS, block=0)


def test_a_bank_puts_whole_bands_side_by_side() -> None:
    values = emg(100, 3)
    bank = FilterBank([HIGH_PASS, BAND_PASS])
    filtered = bank.process(values)
    assert filtered.shape == (100, 6)
    assert np.array_equal(filtered[:, :3], CausalFilter(HIGH_PASS).process(values))
    assert np.array_equal(filtered[:, 3:], CausalFilter(BAND_PASS).process(values))


@pytest.mark.parametrize("bands", [[HIGH_PASS], [HIGH_PASS, BAND_PASS]])
def test_a_bank_forgets_in_every_band(bands: list[NDArray[np.float64]]) -> None:
    values = emg(50)
    bank = FilterBank(bands)
    first = bank.process(values)
    assert not np.array_equal(bank.process(values), first)
    bank.reset()
    assert np.array_equal(bank.process(values), first)


def test_a_bank_without_bands_is_refused() -> None:
    with pytest.raises(ManifestError, match="at least one band"):
        FilterBank([])
