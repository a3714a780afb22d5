"""Counts go into a BDF+ file and come out of it; its header tells other readers the same."""

from pathlib import Path

import edfio
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeemg.data import bdf
from edgeemg.errors import RecordingError

CYTON_COUNT = 4.5 / 24 / (2**23 - 1) * 1e6
ADC_COUNT = 3.3e6 / 4095


def write(path: Path, counts: np.ndarray, count: float, rate_hz: float = 250.0) -> np.ndarray:
    names = [f"CH{number}" for number in range(counts.shape[1])]
    bdf.write_bdf(
        path,
        counts.astype(np.int32),
        microvolts_per_count=count,
        sample_rate_hz=rate_hz,
        channels=names,
        annotations=[],
    )
    return bdf.read_bdf(path)


@pytest.mark.parametrize("count", [CYTON_COUNT, ADC_COUNT, 2.0**-9, 1.0, 0.02235])
def test_the_header_gives_other_readers_the_exact_gain(tmp_path: Path, count: float) -> None:
    counts = np.arange(-4095, 4096).reshape(-1, 1)
    write(tmp_path / "x.bdf", counts, count, 8191)
    signal = edfio.read_bdf(tmp_path / "x.bdf").signals[0]
    np.testing.assert_allclose(signal.data, counts[:, 0] * count, rtol=1e-11, atol=1e-9)
    assert signal.physical_dimension == "uV"


def test_at_the_lowest_value_the_header_is_off_by_a_count_at_most(tmp_path: Path) -> None:
    counts = np.array([[-(2**23)], [0], [2**23 - 1]])
    write(tmp_path / "x.bdf", counts, CYTON_COUNT, 3)
    signal = edfio.read_bdf(tmp_path / "x.bdf").signals[0]
    assert np.abs(signal.data - counts[:, 0] * CYTON_COUNT).max() <= CYTON_COUNT * (1 + 1e-6)


@given(st.floats(1e-3, 100), st.integers(1, 2**23 - 1))
def test_any_count_and_reach_fit_the_header(count: float, reach: int) -> None:
    column = np.array([-reach, reach], dtype=np.int32)
    if reach * count >= 9_999_999:
        with pytest.raises(RecordingError, match="10 V"):
            bdf._header_range(column, count)
        return
    digital, physical = bdf._header_range(column, count)
    gain = (physical[1] - physical[0]) / (digital[1] - digital[0])
    assert digital[0] <= -reach < reach <= digital[1] <= 2**23 - 1
    assert all(len(f"{limit:.15g}") <= 8 for limit in physical)
    assert abs(gain / count - 1) < (1e-5 if reach * count > 1 else 1e-2)


@pytest.mark.parametrize("rows", [1, 249, 250, 251, 997])
@pytest.mark.parametrize("rate_hz", [250.0, 244.14, 0.5, 1 / 3, 8000.0, 999.9])
def test_the_last_record_is_filled_with_the_last_row(
    tmp_path: Path, rows: int, rate_hz: float
) -> None:
    counts = np.random.default_rng(1).integers(-(2**23), 2**23, (rows, 2))
    read = write(tmp_path / "x.bdf", counts, 1.0, rate_hz)
    np.testing.assert_array_equal(read[:rows], counts)
    np.testing.assert_array_equal(read[rows:], np.tile(counts[-1], (len(read) - rows, 1)))
    assert (
        abs(edfio.read_bdf(tmp_path / "x.bdf").signals[0].sampling_frequency / rate_hz - 1) < 1e-4
    )


def test_a_fitting_count_is_the_finest_that_fits() -> None:
    for peak in (1e-9, 0.3, 5.0, 187500.0, 9e6, float(2**23 - 1), float(2**23)):
        microvolts = np.array([[0.0, -peak, np.nan]], dtype=np.float32)
        count = bdf.fitting_count(microvolts)
        assert np.log2(count).is_integer()
        assert peak / count <= 2**23 - 0.5
        assert count == 2.0**-22 or peak / (count / 2) > 2**23 - 1
    with pytest.raises(RecordingError, match="10 V"):
        bdf.fitting_count(np.array([[1e7]], dtype=np.float32))


def test_files_with_several_rates_are_refused(tmp_path: Path) -> None:
    signals = [
        edfio.BdfSignal(np.zeros(10), 10, physical_range=(-1, 1)),
        edfio.BdfSignal(np.zeros(20), 20, physical_range=(-1, 1)),
    ]
    edfio.Bdf(signals).write(tmp_path / "x.bdf")
    with pytest.raises(RecordingError, match=r"x\.bdf"):
        bdf.read_bdf(tmp_path / "x.bdf")
