from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeemg.dsp.gaps import GapBridge, bridged, longest_bridge
from edgeemg.dsp.samples import Samples, join


def samples(index, values=None, *, rate: float = 1000.0, channels: int = 2) -> Samples:
    """Rows whose value is their index, or these values; all valid where finite."""
    index = np.asarray(index, dtype=np.int64)
    if values is None:
        values = np.repeat(index[:, None], channels, axis=1)
    values = np.asarray(values, dtype=np.float32)
    return Samples(values, rate, index, np.isfinite(values), 7.0)


@pytest.mark.parametrize(
    ("rate", "longest"), [(100, 1), (250, 1), (499, 1), (500, 2), (1000, 4), (1116, 4), (4000, 16)]
)
def test_four_milliseconds_are_bridged_and_one_sample_always(rate: float, longest: int) -> None:
    assert longest_bridge(rate) == longest


@pytest.mark.parametrize("missing", [1, 2, 3, 4])
def test_a_short_gap_is_a_straight_line_that_is_not_valid(missing: int) -> None:
    bridge = GapBridge()
    out = bridge.feed(samples([10, 11, 12 + missing, 13 + missing]))
    assert out.index.tolist() == list(range(10, 14 + missing))
    np.testing.assert_allclose(out.microvolts[:, 0], out.index, rtol=1e-6)
    filled = (out.index > 11) & (out.index < 12 + missing)
    assert out.valid.tolist() == [[not one] * 2 for one in filled]
    assert (bridge.bridged, bridge.unusable) == (missing, 0)
    assert out.arrived_s == 7.0


def test_a_gap_above_four_milliseconds_stays_a_break() -> None:
    bridge = GapBridge()
    out = bridge.feed(samples([10, 11, 17, 18]))
    assert out.index.tolist() == [10, 11, 17, 18]
    assert (bridge.bridged, out.valid.all()) == (0, True)


def test_a_gap_between_two_reads_is_bridged_when_its_end_is_there() -> None:
    bridge = GapBridge()
    assert bridge.feed(samples([0, 1])).index.tolist() == [0, 1]
    out = bridge.feed(samples([4, 5]))
    assert out.index.tolist() == [2, 3, 4, 5]
    assert out.valid[:, 0].tolist() == [False, False, True, True]


def test_samples_without_a_gap_are_handed_on_untouched() -> None:
    whole = samples(range(100))
    assert GapBridge().feed(whole) is whole


def test_values_that_came_beside_a_missing_one_are_kept() -> None:
    """Half of a sensor's channels was lost: the other half is as it came, and valid."""
    values = [[0, 0], [100, np.nan], [4, 4]]
    out = bridged(samples([0, 1, 2], values, rate=250))
    assert out.microvolts.tolist() == [[0, 0], [100, 2], [4, 4]]
    assert out.valid.tolist() == [[True, True], [True, False], [True, True]]


def test_what_was_not_valid_before_stays_so() -> None:
    one = samples([0, 2, 3])
    one.valid[1] = False
    assert bridged(one).valid[:, 0].tolist() == [True, False, False, True]


def test_rows_that_wait_for_a_whole_one_are_unusable_until_it_comes() -> None:
    bridge = GapBridge()
    hole = np.full((1, 2), np.nan)
    bridge.feed(samples([0]))
    assert len(bridge.feed(samples([1], hole))) == 0
    assert (bridge.bridged, bridge.unusable) == (0, 1)
    assert bridge.feed(samples([2])).index.tolist() == [1, 2]
    assert (bridge.bridged, bridge.unusable) == (1, 0)


def test_a_channel_that_gives_nothing_for_hours_is_not_hoarded() -> None:
    bridge = GapBridge()
    bridge.feed(samples([0]))
    for n in range(1, 1000):
        bridge.feed(samples([n], np.full((1, 2), np.nan)))
        assert len(bridge._held) <= 5
    assert (bridge.bridged, bridge.unusable) == (0, 999)
    assert bridge.feed(samples([1000])).index.tolist() == [1000]


def test_a_sensor_that_counts_anew_has_no_gap_there() -> None:
    bridge = GapBridge()
    bridge.feed(samples([100, 101]))
    assert bridge.feed(samples([3, 5])).index.tolist() == [3, 4, 5]
    assert bridge.feed(samples([])).index.tolist() == []


def test_rows_before_the_first_whole_one_are_unusable() -> None:
    bridge = GapBridge()
    out = bridge.feed(samples([0, 1, 2], [[np.nan, 1], [np.inf, 1], [2, 2]]))
    assert out.index.tolist() == [2]
    assert (bridge.bridged, bridge.unusable) == (0, 2)


@given(data=st.data(), rate=st.sampled_from([250.0, 1000.0, 2000.0]))
def test_any_chunking_gives_the_same_rows_and_counts(data: st.DataObject, rate: float) -> None:
    steps = data.draw(st.lists(st.sampled_from([1, 1, 1, 2, 3, 5, 6, 9, 10]), max_size=60))
    index = 2**40 + np.cumsum([0, *steps])
    values = np.random.default_rng(0).normal(0, 50, (len(index), 2))
    for row in data.draw(st.sets(st.integers(0, len(index) - 1))):
        values[row, row % 2] = np.nan
    whole = samples(index, values, rate=rate)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(index)), max_size=20)))
    chunks = [whole[a:b] for a, b in pairwise([0, *cuts, len(index)])]
    at_once, in_pieces = GapBridge(), GapBridge()
    wanted = at_once.feed(whole)
    got = join([in_pieces.feed(chunk) for chunk in chunks])
    assert got.index.tolist() == wanted.index.tolist()
    assert got.microvolts.tobytes() == wanted.microvolts.tobytes()
    assert got.valid.tobytes() == wanted.valid.tobytes()
    assert (in_pieces.bridged, in_pieces.unusable) == (at_once.bridged, at_once.unusable)
    whole_rows = int(np.isfinite(values).all(axis=1).sum())
    assert len(wanted) == whole_rows + at_once.bridged
    assert np.isfinite(wanted.microvolts).all()
    holes = np.diff(wanted.index)
    assert not ((holes > 1) & (holes <= longest_bridge(rate) + 1)).any()
