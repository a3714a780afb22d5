import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeemg.dsp.samples import Samples
from edgeemg.errors import PortError
from edgeemg.runtime.feeding import Feed

RATE_HZ = 250.0
ARRIVED_S = 1000.0
NOTHING = Samples.contiguous(np.empty((0, 2)), RATE_HZ)


def some(first: int, n: int) -> Samples:
    """n samples whose value is their index."""
    values = np.repeat(np.arange(first, first + n, dtype=np.float32)[:, None], 2, axis=1)
    return Samples.contiguous(values, RATE_HZ, first_index=first, arrived_s=ARRIVED_S)


class Wire:
    """A sensor whose reads are written down; at its end it is gone."""

    def __init__(self, reads: Sequence[Samples], *, end: Exception | None = None) -> None:
        self.asked_s: list[float] = []
        self._reads = list(reads)
        self._end = end or PortError("/dev/ttyX: lost in use")

    def read(self, gather_s: float) -> Samples:
        self.asked_s.append(gather_s)
        if not self._reads:
            raise self._end
        return self._reads.pop(0)


def feed_of(read: Callable[[float], Samples], *, most_s: float = 1e6) -> Feed:
    feed = Feed(read, n_channels=2, sample_rate_hz=RATE_HZ, most_s=most_s)
    feed.pace(window_samples=10, hop_samples=5)
    return feed


def drained(feed: Feed) -> list[Samples]:
    """All pieces until the sensor is gone."""
    pieces = []
    with feed, pytest.raises(PortError):
        pieces.extend(feed)
    return pieces


@given(lengths=st.lists(st.integers(0, 13), min_size=1, max_size=30))
@settings(max_examples=40, deadline=None)
def test_every_sample_comes_out_once_and_in_order(lengths: list[int]) -> None:
    starts = np.cumsum([0, *lengths]).tolist()
    wire = Wire([some(a, n) for a, n in zip(starts, lengths, strict=False)])
    index = [one for piece in drained(feed_of(wire.read)) for one in piece.index.tolist()]
    assert index == list(range(sum(lengths)))


def test_pieces_are_handed_on_where_a_window_ends() -> None:
    wire = Wire([some(n, 1) for n in range(22)])
    ends = [int(piece.index[-1]) for piece in drained(feed_of(wire.read)) if len(piece)]
    assert ends == [4, 9, 14, 19, 21]  # windows of 10 end at 9, 14, 19


def test_a_sensor_that_ends_gives_its_last_samples_before_its_error() -> None:
    pieces = drained(feed_of(Wire([some(0, 3)]).read))
    assert sum(len(piece) for piece in pieces) == 3


def test_a_break_in_the_index_stays_one() -> None:
    wire = Wire([some(0, 3), some(100, 2), some(102, 8)])
    index = [one for piece in drained(feed_of(wire.read)) for one in piece.index.tolist()]
    assert index == [0, 1, 2, *range(100, 110)]


class Clock:
    """Stands still but for the reads, which last as long as they are to, or up to `most_s`."""

    def __init__(self, wire: Wire, most_s: float) -> None:
        self.now_s = 0.0
        self._wire, self._most_s = wire, most_s

    def read(self, gather_s: float) -> Samples:
        self.now_s += min(gather_s, self._most_s)
        return replace(self._wire.read(gather_s), arrived_s=self.now_s)


@pytest.mark.parametrize(("most_s", "learnt_s"), [(1.0, 0.0005), (0.01, 0.0)])
def test_bytes_gather_until_a_window_ends_and_longer_where_that_was_too_soon(
    most_s: float, learnt_s: float
) -> None:
    wire = Wire([some(0, 6), some(6, 3), some(9, 1)])
    clock = Clock(wire, most_s)
    feed = Feed(clock.read, n_channels=2, sample_rate_hz=RATE_HZ, clock=lambda: clock.now_s)
    feed.pace(window_samples=10, hop_samples=5)
    drained(feed)
    # 4 are missing of a window that ends at 9; then 1, which came late, unless a port ended the
    # read before it was due
    assert wire.asked_s[1:3] == pytest.approx([3 / 250 + 0.001, 0.001 + learnt_s])


def test_a_slow_loop_loses_the_oldest_samples_and_they_are_counted() -> None:
    done = threading.Event()
    reads = [some(n * 5, 5) for n in range(100)]

    def read(gather_s: float) -> Samples:
        if reads:
            return reads.pop(0)
        done.set()
        time.sleep(0.01)
        return NOTHING

    feed = feed_of(read, most_s=50 / RATE_HZ)
    with feed:
        assert done.wait(20)
        index = [one for piece in islice(feed, 10) for one in piece.index.tolist()]
    assert index == list(range(450, 500))
    assert (feed.dropped, feed.waiting) == (450, 0)


def test_where_nothing_comes_time_passes() -> None:
    def read(gather_s: float) -> Samples:
        time.sleep(0.01)
        return NOTHING

    with feed_of(read) as feed:
        pieces = list(islice(feed, 3))
        assert [piece.microvolts.shape for piece in pieces] == [(0, 2)] * 3
        assert feed.silent_s < 5


def test_a_reader_that_hangs_is_silent_and_the_loop_goes_round() -> None:
    hung = threading.Event()

    def read(gather_s: float) -> Samples:
        hung.wait(20)
        return NOTHING

    with feed_of(read) as feed:
        assert len(next(iter(feed))) == 0
        assert feed.silent_s > 0.4
        hung.set()


def test_what_was_handed_on_last_is_remembered_up_to_a_window_and_six_seconds() -> None:
    wire = Wire([some(n * 5, 5) for n in range(400)])
    feed = feed_of(wire.read)
    drained(feed)
    recent = [one for piece in feed.recent() for one in piece.index.tolist()]
    assert recent == list(range(2000 - 1510, 2000))


def readers() -> int:
    return sum(one.name == "edgeemg-reader" for one in threading.enumerate())


def test_leaving_it_ends_its_thread() -> None:
    before = readers()
    with feed_of(lambda gather_s: NOTHING):
        assert readers() == before + 1
    assert readers() == before


def test_pieces_carry_the_arrival_of_their_last_sample() -> None:
    early, late = replace(some(0, 4), arrived_s=1.0), replace(some(4, 1), arrived_s=2.0)
    piece = drained(feed_of(Wire([early, late]).read))[0]
    assert (len(piece), piece.arrived_s) == (5, 2.0)


def test_what_was_read_and_not_taken_is_counted_at_the_end() -> None:
    reads = [some(n * 4, 4) for n in range(5)]
    done = threading.Event()

    def read(gather_s: float) -> Samples:
        if reads:
            return reads.pop(0)
        done.set()
        time.sleep(0.01)
        return NOTHING

    with feed_of(read) as feed:
        assert done.wait(20)
        taken = len(next(iter(feed)))
    assert feed.waiting == 20 - taken > 0
