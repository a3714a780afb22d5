"""What a screen shows of samples: filtered for the eye, the lowest and highest of a column."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import sosfreqz

from edgeemg.dsp.samples import Samples, join
from edgeemg.runtime.monitor_traces import Traces, view_filter

RATE_HZ = 250.0


def emg(n=1000, channels=2, seed=0):
    return np.random.default_rng(seed).normal(0, 20, (n, channels))


def shown(samples, cuts=()):
    """Column number -> (channel, 2), after samples that came in pieces."""
    traces = Traces(samples.sample_rate_hz, samples.n_channels)
    bounds = [0, *sorted(cuts), len(samples)]
    made = [
        columns for start, stop in pairwise(bounds) for columns in traces.take(samples[start:stop])
    ]
    return {one.first + n: ends for one in made for n, ends in enumerate(one.ends)}


@given(st.sets(st.integers(0, 500)), st.integers(0, 10))
def test_any_pieces_of_the_same_samples_show_the_same(cuts, first_index):
    samples = Samples.contiguous(emg(500), RATE_HZ, first_index=first_index)
    whole, pieces = shown(samples), shown(samples, cuts)
    assert whole.keys() == pieces.keys()
    for column, ends in whole.items():
        assert np.abs(pieces[column] - ends).max() <= 1  # a tenth: rounding


def test_a_column_holds_the_extremes_of_its_samples():
    samples = Samples.contiguous(emg(), RATE_HZ)
    columns = shown(samples)
    assert sorted(columns) == list(range(20, 200))  # the filters settle for 0.4 s
    assert all((ends[:, 0] <= ends[:, 1]).all() for ends in columns.values())
    width_uv = np.mean([ends[:, 1] - ends[:, 0] for ends in columns.values()]) / 10
    assert 25 < width_uv < 50  # of five samples of 20 uV noise: 2.33 deviations, less what is cut


@pytest.mark.parametrize("mains_hz", [50, 60])
def test_offset_and_mains_are_not_shown(mains_hz):
    seconds = np.arange(1000)[:, None] / RATE_HZ
    loud = -40_000 + 300 * np.sin(2 * np.pi * mains_hz * seconds) + emg(channels=1) * 0.01
    columns = shown(Samples.contiguous(loud, RATE_HZ))
    settled = np.concatenate([columns[n] for n in range(100, 200)])
    assert np.abs(settled).max() < 20  # 2 uV


def test_a_break_leaves_columns_out_and_begins_anew():
    before = Samples.contiguous(emg(603), RATE_HZ)
    behind = Samples.contiguous(9000 + emg(200, seed=1), RATE_HZ, first_index=1000)
    columns = shown(join([before, behind]))
    assert sorted(columns) == [*range(20, 121), *range(220, 240)]
    assert np.abs(columns[220]).max() < 1500  # of 9000 uV offset nothing is left


def test_a_lost_packet_is_bridged():
    lost = np.arange(1000) % 50 != 17
    samples = Samples.contiguous(emg(), RATE_HZ)
    rows = [getattr(samples, one)[lost] for one in ("microvolts", "index", "valid")]
    columns = shown(Samples(rows[0], RATE_HZ, rows[1], rows[2]))
    assert sorted(columns) == list(range(20, 200))


def test_where_breaks_are_many_something_is_shown_all_the_same():
    lost = np.arange(5000) % 100 < 80
    samples = Samples.contiguous(emg(5000), RATE_HZ)
    rows = [getattr(samples, one)[lost] for one in ("microvolts", "index", "valid")]
    columns = shown(Samples(rows[0], RATE_HZ, rows[1], rows[2]))
    assert len(columns) > 700  # of 1000; 200 of them are lost


def test_a_sensor_that_counts_anew_is_shown_again():
    traces = Traces(RATE_HZ, 2)
    traces.take(Samples.contiguous(emg(1000), RATE_HZ, first_index=5000))
    (again,) = traces.take(Samples.contiguous(emg(200), RATE_HZ, first_index=0))
    assert again.first == 20
    assert len(again.ends) == 20


def test_a_channel_without_values_is_flat_and_harms_no_other():
    values = emg()
    values[300:, 0] = np.nan
    columns = shown(Samples.contiguous(values, RATE_HZ))
    assert not columns[190][0].any()
    assert columns[190][1].any()


def test_nothing_known_at_all_is_flat():
    columns = shown(Samples.contiguous(np.full((100, 2), np.nan), RATE_HZ))
    assert not any(ends.any() for ends in columns.values())


def test_no_samples_show_nothing():
    assert shown(Samples.contiguous(emg(0), RATE_HZ)) == {}


@pytest.mark.parametrize("rate_hz", [10.0, 100.0, 120.0, 250.0, 1000.0, 8000.0])
def test_the_filter_passes_muscle_and_stops_offsets(rate_hz):
    frequency_hz, gain = sosfreqz(view_filter(rate_hz), worN=4096, fs=rate_hz)
    gain = np.abs(gain)
    assert gain[0] == pytest.approx(0, abs=1e-9)
    assert gain.max() < 1.01
    between = (frequency_hz > 0.2 * rate_hz) & (frequency_hz < 0.23 * rate_hz)
    clear = between & (np.abs(frequency_hz - 55) > 15)
    assert not clear.any() or gain[clear].min() > 0.9
