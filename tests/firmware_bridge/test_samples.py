import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeemg.dsp.samples import join
from firmware_bridge.devices.cyton import CYTON, PACKET_BYTES, CytonReader, encode
from firmware_bridge.frames import Frames
from firmware_bridge.samples import Assembler

RATE = CYTON.sample_rate_hz


def frames(indices) -> list[Frames]:
    """One stretch of frames with these sample numbers, which the counts repeat."""
    index = np.asarray(indices, dtype=np.int64)
    counts = np.repeat(index[:, None], 8, axis=1).astype(np.int32)
    return [Frames(index % 256, counts)] if len(index) else []


def in_step(assembler: Assembler, indices, *, start_s: float = 100.0) -> list[int]:
    """Feed each frame at the host time at which the sensor sent it; the indices that come out."""
    pieces = [assembler.take(frames([n]), start_s + n / RATE) for n in indices]
    return join(pieces).index.tolist()


def test_the_first_sample_has_its_counter_as_index() -> None:
    assert Assembler(CYTON).take(frames([7, 8]), 0.0).index.tolist() == [7, 8]


def test_counts_become_microvolts_and_the_time_of_arrival_is_kept() -> None:
    counts = np.array([[-7343552, 2143869, 0, 1, -1, 5, 6, 7]], np.int32)
    samples = Assembler(CYTON).take([Frames(np.array([0]), counts)], 12.5)
    assert samples.microvolts.dtype == np.float32
    np.testing.assert_allclose(samples.microvolts[0, :2], [-164141.1977, 47919.2120], rtol=1e-7)
    assert (samples.sample_rate_hz, samples.arrived_s) == (250.0, 12.5)
    assert samples.valid.all()


def test_counts_at_the_rails_are_not_valid() -> None:
    rails = [8388607, 8388606, -8388606, -8388607, -8388608, 0, 1, 2]
    samples = Assembler(CYTON).take([Frames(np.array([0]), np.array([rails], np.int32))], 0.0)
    assert samples.valid[0].tolist() == [False, True, True, False, False, True, True, True]
    assert np.isfinite(samples.microvolts).all()


def test_no_frames_give_no_samples_and_keep_the_shape() -> None:
    samples = Assembler(CYTON).take([], 3.0)
    assert samples.microvolts.shape == (0, 8)
    assert samples.index.dtype == np.int64


def test_the_index_goes_on_where_the_counter_wraps() -> None:
    assembler = Assembler(CYTON)
    assert in_step(assembler, range(1000)) == list(range(1000))
    assert (assembler.counters.received, assembler.counters.lost) == (1000, 0)


@pytest.mark.parametrize("missing", [1, 2, 100, 254, 255, 511, 1000, 5000])
def test_a_gap_of_any_length_is_counted(missing: int) -> None:
    sent = [*range(300), *range(300 + missing, 600 + missing)]
    assembler = Assembler(CYTON)
    assert in_step(assembler, sent) == sent
    assert (assembler.counters.received, assembler.counters.lost) == (600, missing)


@pytest.mark.parametrize("missing", [256, 257, 264, 512, 5120])
@pytest.mark.parametrize("late_s", [-0.4, -0.1, 0.0, 0.1, 0.4])
def test_a_gap_that_the_counter_hides_is_counted_after_a_quarter_of_a_second(
    missing: int, late_s: float
) -> None:
    """The host's clock alone tells it from a host that was late, though not punctual itself."""
    assembler = Assembler(CYTON)
    in_step(assembler, range(50))
    sent = range(50 + missing, 150 + missing)
    index = in_step(assembler, sent, start_s=100.0 + late_s)
    assert index[64:] == list(sent[64:])
    assert assembler.counters.lost == missing


def test_a_gap_inside_one_read_is_a_step_in_the_index() -> None:
    assembler = Assembler(CYTON)
    samples = assembler.take(frames([0, 1, 5, 6]), 0.0)
    assert samples.index.tolist() == [0, 1, 5, 6]
    assert [len(run) for run in samples.runs()] == [2, 2]
    assert assembler.counters.lost == 3


def test_a_whole_turn_is_put_where_the_counter_jumps() -> None:
    assembler = Assembler(CYTON)
    in_step(assembler, range(10))
    sent = [10, 11, 12, 412, 413]
    samples = assembler.take(frames(sent), 100.0 + 413 / RATE)
    assert samples.index.tolist() == sent


def test_a_frame_that_came_twice_is_dropped_and_counted() -> None:
    assembler = Assembler(CYTON)
    sent = [0, 1, 1, 2, 2, 2, 3]
    assert assembler.take(frames(sent), 0.0).index.tolist() == [0, 1, 2, 3]
    assert len(assembler.take(frames([3]), 0.004)) == 0
    assert assembler.counters.duplicates == 4
    assert assembler.counters.lost == 0


@pytest.mark.parametrize("sleep", [200, 500, 2000])
def test_a_host_that_slept_loses_nothing(sleep: int) -> None:
    """All that was sent meanwhile comes in pieces of one kernel buffer, at one moment."""
    assembler = Assembler(CYTON)
    in_step(assembler, range(100))
    now = 100.0 + (100 + sleep) / RATE
    got: list[int] = []
    for start in range(100, 100 + sleep, 124):
        waiting = frames(range(start, min(start + 124, 100 + sleep)))
        got += assembler.take(waiting, now).index.tolist()
    got += in_step(assembler, range(100 + sleep, 200 + sleep))
    assert got == list(range(100, 200 + sleep))
    assert assembler.counters.lost == 0


def from_bytes(
    sent: np.ndarray, *, size: int, awake: Callable[[float], float]
) -> tuple[list[int], Assembler]:
    """Reads of at most `size` bytes, one a millisecond where more wait: indices, and counters.

    sent   sample numbers that the sensor sends, each at its time
    awake  when the host can read, that wants to read at this time
    """
    assembler, reader = Assembler(CYTON), CytonReader()
    packets = np.frombuffer(encode(np.zeros((sent[-1] + 1, 8))), np.uint8)
    stream = packets.reshape(-1, PACKET_BYTES)[sent].tobytes()
    index: list[int] = []
    at, now_s = 0, 0.0
    while at < len(stream):
        now_s = awake(max(now_s + 0.001, sent[at // PACKET_BYTES] / RATE))
        waiting = int(np.searchsorted(sent, now_s * RATE + 1e-6, side="right")) * PACKET_BYTES
        chunk = stream[at : min(waiting, at + size)]
        at += len(chunk)
        index += assembler.take(reader.feed(chunk), now_s).index.tolist()
    return index, assembler


sizes = st.one_of(st.sampled_from([33, 62, 64, 512, 1000, 4095]), st.integers(33, 4096))


@settings(deadline=None, max_examples=40)
@given(size=sizes, stall_s=st.floats(0.3, 5.0), stray=st.sets(st.integers(1, 1698), max_size=20))
def test_a_host_that_stalled_loses_nothing_whatever_the_size_of_its_reads(
    size: int, stall_s: float, stray: set[int]
) -> None:
    """Only what was lost on the air, now and then a packet, is missing."""
    sent = np.setdiff1d(np.arange(1700), list(stray))
    index, assembler = from_bytes(
        sent, size=size, awake=lambda t: 1.0 + stall_s if 1.0 < t < 1.0 + stall_s else t
    )
    assert index == sent.tolist()
    assert assembler.counters.received + assembler.counters.lost == sent[-1] + 1


@settings(deadline=None, max_examples=40)
@given(period_s=st.floats(0.004, 0.5), turns=st.integers(1, 4), at=st.integers(300, 500))
def test_whole_turns_are_found_however_much_is_read_at_once(
    period_s: float, turns: int, at: int
) -> None:
    """An outage whose end the counter cannot see, read in pieces of 33 to 4125 bytes."""
    outage = 256 * turns
    sent = np.concatenate([np.arange(at), np.arange(at + outage, at + outage + 500)])
    index, assembler = from_bytes(
        sent, size=4125, awake=lambda t: math.ceil(t / period_s - 1e-9) * period_s
    )
    assert len(index) == len(sent)
    assert assembler.counters.lost == outage
    # at most a quarter of a second and two reads later the index is right again
    right = at + math.ceil((0.25 + 2 * period_s) * RATE) + 1
    assert index[right:] == sent[right:].tolist()


@settings(deadline=None, max_examples=40)
@given(size=sizes, stall_s=st.floats(0.3, 1.5))
def test_a_stall_does_not_hide_an_outage(size: int, stall_s: float) -> None:
    sent = np.concatenate([np.arange(300), np.arange(556, 1500)])
    index, assembler = from_bytes(
        sent, size=size, awake=lambda t: 1.0 + stall_s if 1.0 < t < 1.0 + stall_s else t
    )
    assert assembler.counters.lost == 256
    assert index[-400:] == sent[-400:].tolist()


def test_what_overflowed_while_the_host_slept_is_counted() -> None:
    """The oldest 124 frames were kept, the next 1000 found no room."""
    assembler = Assembler(CYTON)
    in_step(assembler, range(100))
    now = 100.0 + (100 + 124 + 1000) / RATE
    assembler.take(frames(range(100, 224)), now)
    assert in_step(assembler, range(1224, 1300)) == list(range(1224, 1300))
    assert assembler.counters.lost == 1000


def test_a_clock_that_drifts_by_seconds_loses_nothing() -> None:
    """Ten minutes in reads of 40 frames from a sensor that is 0.5 % slow: 3 s in the end."""
    assembler = Assembler(CYTON)
    ends = range(40, 150_000, 40)
    for end in ends:
        assembler.take(frames(range(end - 40, end)), end / RATE * 1.005)
    assembler.take(frames([ends[-1] + 1]), (ends[-1] + 2) / RATE * 1.005)
    assert assembler.counters.lost == 1


def test_counters_print_as_names_and_numbers() -> None:
    assembler = Assembler(CYTON)
    in_step(assembler, [0, 1, 3])
    counters = assembler.counters.as_dict()
    assert counters["received"] == 3
    assert counters["lost"] == 1
    assert set(counters) >= {"duplicates", "rejected_bytes", "resyncs"}


late = st.lists(st.floats(0, 0.3), min_size=60, max_size=60)


# a gap within _STRAY of whole turns is found later, see above
plain = st.integers(1, 2000).filter(lambda gap: gap < 256 or (gap - 1) % 256 > 8)


@given(gaps=st.lists(plain, min_size=1, max_size=59), late_s=late)
def test_every_gap_between_reads_is_counted_exactly(gaps: list[int], late_s: list[float]) -> None:
    sent = np.cumsum([0, *gaps])
    assembler = Assembler(CYTON)
    arrived = np.maximum.accumulate(sent / RATE + late_s[: len(sent)])
    got = [assembler.take(frames([n]), t) for n, t in zip(sent, arrived, strict=True)]
    assert join(got).index.tolist() == sent.tolist()
    assert assembler.counters.lost == sent[-1] + 1 - len(sent)


@given(
    gaps=st.lists(st.integers(1, 5), min_size=1, max_size=59),
    late_s=late,
    reads=st.lists(st.integers(1, 60), max_size=10),
)
def test_small_gaps_within_reads_are_counted_exactly(
    gaps: list[int], late_s: list[float], reads: list[int]
) -> None:
    sent = np.cumsum([0, *gaps])
    assembler = Assembler(CYTON)
    arrived = np.maximum.accumulate(sent / RATE + late_s[: len(sent)])
    got: list[int] = []
    for part in np.split(np.arange(len(sent)), sorted(min(n, len(sent)) for n in reads)):
        if len(part):
            got += assembler.take(frames(sent[part]), arrived[part[-1]]).index.tolist()
    assert got == sent.tolist()
    counters = assembler.counters
    assert counters.received + counters.lost == sent[-1] + 1
