import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeemg.dsp.samples import join
from firmware_bridge.counters import Counters
from firmware_bridge.devices.cyton import PACKET_BYTES, STREAM, CytonReader, encode
from firmware_bridge.frames import Frames, Stream
from firmware_bridge.samples import Assembler

RATE = STREAM.sample_rate_hz


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
    assert Assembler(STREAM).take(frames([7, 8]), 0.0).index.tolist() == [7, 8]


def test_counts_become_microvolts_and_the_time_of_arrival_is_kept() -> None:
    counts = np.array([[-7343552, 2143869, 0, 1, -1, 5, 6, 7]], np.int32)
    samples = Assembler(STREAM).take([Frames(np.array([0]), counts)], 12.5)
    assert samples.microvolts.dtype == np.float32
    np.testing.assert_allclose(samples.microvolts[0, :2], [-164141.1977, 47919.2120], rtol=1e-7)
    assert (samples.sample_rate_hz, samples.arrived_s) == (250.0, 12.5)
    assert samples.valid.all()


def test_counts_at_the_rails_are_not_valid() -> None:
    rails = [8388607, 8388606, -8388606, -8388607, -8388608, 0, 1, 2]
    samples = Assembler(STREAM).take([Frames(np.array([0]), np.array([rails], np.int32))], 0.0)
    assert samples.valid[0].tolist() == [False, True, True, False, False, True, True, True]
    assert np.isfinite(samples.microvolts).all()


def test_no_frames_give_no_samples_and_keep_the_shape() -> None:
    samples = Assembler(STREAM).take([], 3.0)
    assert samples.microvolts.shape == (0, 8)
    assert samples.index.dtype == np.int64


def test_the_index_goes_on_where_the_counter_wraps() -> None:
    assembler = Assembler(STREAM)
    assert in_step(assembler, range(1000)) == list(range(1000))
    assert (assembler.counters.received, assembler.counters.lost) == (1000, 0)


@pytest.mark.parametrize("missing", [1, 2, 100, 254, 255, 511, 1000, 5000])
def test_a_gap_of_any_length_is_counted(missing: int) -> None:
    sent = [*range(300), *range(300 + missing, 600 + missing)]
    assembler = Assembler(STREAM)
    assert in_step(assembler, sent) == sent
    assert (assembler.counters.received, assembler.counters.lost) == (600, missing)


@pytest.mark.parametrize("missing", [256, 257, 264, 512, 5120])
@pytest.mark.parametrize("late_s", [-0.4, -0.1, 0.0, 0.1, 0.4])
def test_a_gap_that_the_counter_hides_is_counted_after_a_quarter_of_a_second(
    missing: int, late_s: float
) -> None:
    """The host's clock alone tells it from a host that was late, though not punctual itself."""
    assembler = Assembler(STREAM)
    in_step(assembler, range(50))
    sent = range(50 + missing, 150 + missing)
    index = in_step(assembler, sent, start_s=100.0 + late_s)
    assert index[64:] == list(sent[64:])
    assert assembler.counters.lost == missing


def test_a_gap_inside_one_read_is_a_step_in_the_index() -> None:
    assembler = Assembler(STREAM)
    samples = assembler.take(frames([0, 1, 5, 6]), 0.0)
    assert samples.index.tolist() == [0, 1, 5, 6]
    assert [len(run) for run in samples.runs()] == [2, 2]
    assert assembler.counters.lost == 3


def test_a_whole_turn_is_put_where_the_counter_jumps() -> None:
    assembler = Assembler(STREAM)
    in_step(assembler, range(10))
    sent = [10, 11, 12, 412, 413]
    samples = assembler.take(frames(sent), 100.0 + 413 / RATE)
    assert samples.index.tolist() == sent


def test_a_frame_that_came_twice_is_dropped_and_counted() -> None:
    assembler = Assembler(STREAM)
    sent = [0, 1, 1, 2, 2, 2, 3]
    assert assembler.take(frames(sent), 0.0).index.tolist() == [0, 1, 2, 3]
    assert len(assembler.take(frames([3]), 0.004)) == 0
    assert assembler.counters.duplicates == 4
    assert assembler.counters.lost == 0


@pytest.mark.parametrize("sleep", [200, 500, 2000])
def test_a_host_that_slept_loses_nothing(sleep: int) -> None:
    """All that was sent meanwhile comes in pieces of one kernel buffer, at one moment."""
    assembler = Assembler(STREAM)
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
    assembler, reader = Assembler(STREAM), CytonReader()
    packets = np.frombuffer(b"".join(encode(np.zeros((sent[-1] + 1, 8)))), np.uint8)
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
@given(size=sizes, stall_s=st.floats(0.3, 5.0), stray=st.sets(st.integers(1, 1680), max_size=20))
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
    assembler = Assembler(STREAM)
    in_step(assembler, range(100))
    now = 100.0 + (100 + 124 + 1000) / RATE
    assembler.take(frames(range(100, 224)), now)
    assert in_step(assembler, range(1224, 1300)) == list(range(1224, 1300))
    assert assembler.counters.lost == 1000


def test_a_clock_that_drifts_by_seconds_loses_nothing() -> None:
    """Ten minutes in reads of 40 frames from a sensor that is 0.5 % slow: 3 s in the end."""
    assembler = Assembler(STREAM)
    ends = range(40, 150_000, 40)
    for end in ends:
        assembler.take(frames(range(end - 40, end)), end / RATE * 1.005)
    assembler.take(frames([ends[-1] + 1]), (ends[-1] + 2) / RATE * 1.005)
    assert assembler.counters.lost == 1


def test_counters_print_as_names_and_numbers() -> None:
    assembler = Assembler(STREAM)
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
    assembler = Assembler(STREAM)
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
    assembler = Assembler(STREAM)
    arrived = np.maximum.accumulate(sent / RATE + late_s[: len(sent)])
    got: list[int] = []
    for part in np.split(np.arange(len(sent)), sorted(min(n, len(sent)) for n in reads)):
        if len(part):
            got += assembler.take(frames(sent[part]), arrived[part[-1]]).index.tolist()
    assert got == sent.tolist()
    counters = assembler.counters
    assert counters.received + counters.lost == sent[-1] + 1


# --- counters of other lengths, and none

SHORT = replace(STREAM, turn=16, sample_rate_hz=1000.0)  # BITalino: a turn is 16 ms
LONG = replace(STREAM, turn=1 << 32, sample_rate_hz=1000.0)
NONE = replace(STREAM, turn=0, sample_rate_hz=1000.0)


def sent(indices, turn: int, **more) -> list[Frames]:
    index = np.asarray(indices, dtype=np.int64)
    counts = np.repeat(index[:, None] % 1000, 8, axis=1).astype(np.int32)
    return [Frames(index % turn if turn else index * 0, counts, **more)]


def read_in(assembler: Assembler, stream, indices, *, late=lambda n: 0.0, size: int = 5):
    """Feed runs of `size` samples, read when the last was taken and `late(n)` s later."""
    got, now_s = [], 0.0
    indices = list(indices)
    for start in range(0, len(indices), size):
        run = indices[start : start + size]
        now_s = max(now_s, 50.0 + run[-1] / stream.sample_rate_hz + late(run[-1]))
        got += assembler.take(sent(run, stream.turn), now_s).index.tolist()
    return got


@pytest.mark.parametrize("seed", range(5))
def test_a_host_that_is_later_than_a_turn_invents_no_loss(seed: int) -> None:
    """BITalino at 1 kHz: reads come up to 60 ms late, three turns and more, for a minute."""
    rng = np.random.default_rng(seed)
    assembler = Assembler(SHORT)
    late = lambda n: rng.uniform(0, 0.06) if rng.random() < 0.3 else rng.uniform(0, 0.003)  # noqa: E731
    got = read_in(assembler, SHORT, range(60_000), late=late)
    assert got == list(range(60_000))
    assert assembler.counters == Counters(received=60_000)


@pytest.mark.parametrize("stall_s", [0.05, 0.3, 1.0, 3.0])
def test_a_host_that_stalls_for_many_turns_invents_no_loss(stall_s: float) -> None:
    assembler = Assembler(SHORT)
    late = lambda n: max(0.0, stall_s - (n - 1000) / 1000) if n >= 1000 else 0.0  # noqa: E731
    assert read_in(assembler, SHORT, range(8000), late=late) == list(range(8000))


@pytest.mark.parametrize("delays_s", [(0.005, 0.02), (0.005, 0.03), (0.0, 0.25), (0.2, 0.0)])
def test_a_link_that_becomes_slower_for_good_invents_no_loss(delays_s: tuple[float, float]) -> None:
    """BITalino: one turn is 16 ms, and Bluetooth changes its pace."""
    before, after = delays_s
    assembler = Assembler(SHORT)
    late = lambda n: before if n < 10_000 else after  # noqa: E731
    assert read_in(assembler, SHORT, range(30_000), late=late) == list(range(30_000))
    assert assembler.counters == Counters(received=30_000)


@pytest.mark.parametrize("period_s", [2.5, 5.0, 10.0])
def test_a_link_whose_pace_comes_and_goes_adds_up_to_no_loss(period_s: float) -> None:
    assembler = Assembler(SHORT)
    late = lambda n: 0.025 * (n / 1000 % period_s > period_s / 2)  # noqa: E731
    assert read_in(assembler, SHORT, range(60_000), late=late, size=30) == list(range(60_000))
    assert assembler.counters == Counters(received=60_000)


@pytest.mark.parametrize("missing", [512, 800, 803, 2000])
def test_turns_of_a_short_counter_are_counted_once_the_clock_is_sure(missing: int) -> None:
    rng = np.random.default_rng(missing)
    indices = [*range(2000), *range(2000 + missing, 8000)]
    assembler = Assembler(SHORT)
    got = read_in(assembler, SHORT, indices, late=lambda n: rng.uniform(0, 0.002))
    assert got[4500:] == indices[4500:]  # 2 s later
    assert assembler.counters.lost == missing


@pytest.mark.parametrize("missing", [1, 7, 8, 9, 12, 15])
def test_less_than_a_turn_of_a_short_counter_is_counted_at_once(missing: int) -> None:
    indices = [*range(2000), *range(2000 + missing, 4000)]
    assembler = Assembler(SHORT)
    rng = np.random.default_rng(missing)
    assert read_in(assembler, SHORT, indices, late=lambda n: rng.uniform(0, 0.002)) == indices
    assert (assembler.counters.lost, assembler.counters.stale) == (missing, 0)


def test_a_resonator_that_is_half_a_percent_off_hides_and_invents_nothing() -> None:
    for off in (0.995, 1.005):
        assembler = Assembler(SHORT)
        for n in range(0, 120_000, 5):
            assembler.take(sent(range(n, n + 5), 16), (n + 5) / 1000 * off)
        assert assembler.counters == Counters(received=120_000)


def test_a_sure_counter_is_believed_where_the_clock_of_a_host_that_slept_stood_still() -> None:
    assembler = Assembler(LONG)
    read_in(assembler, LONG, range(60_000))
    got = []
    for n in range(72_000, 112_000, 5):  # 12 s on the sensor, and none on the host
        got += assembler.take(
            sent(range(n, n + 5), 1 << 32), 50 + (n - 11_996) / 1000
        ).index.tolist()
    assert got == list(range(72_000, 112_000))
    assert assembler.counters == Counters(received=100_000, lost=12_000)
    assert assembler.clock.drift_ppm() == pytest.approx(0, abs=1)


@pytest.mark.parametrize("missing", [1, 1000, 10_000_000])
def test_a_long_counter_counts_for_itself(missing: int) -> None:
    first = (1 << 32) - 100  # and wraps on the way
    indices = [*range(first, first + 200), *range(first + 200 + missing, first + 400 + missing)]
    assembler = Assembler(LONG)
    assert read_in(assembler, LONG, indices) == indices
    assert assembler.counters == Counters(received=400, lost=missing)


def test_without_a_counter_the_index_counts_up_and_loss_is_not_seen() -> None:
    assembler = Assembler(NONE)
    assert read_in(assembler, NONE, [5, 6, 7, 20, 21, 22]) == list(range(6))
    assert assembler.counters == Counters(received=6)


# --- what is known of single values


def test_a_value_that_did_not_come_is_nan_and_not_valid() -> None:
    missing = np.zeros((2, 8), np.bool_)
    missing[1, 4:] = True
    samples = Assembler(STREAM).take(sent([0, 1], 256, missing=missing), 0.0)
    assert np.array_equal(np.isnan(samples.microvolts), missing)
    assert np.array_equal(samples.valid, ~missing)


def test_a_value_of_an_electrode_that_is_off_is_kept_and_not_valid() -> None:
    off = np.zeros((2, 8), np.bool_)
    off[:, 0] = True
    samples = Assembler(STREAM).take(sent([1, 2], 256, off=off), 0.0)
    assert np.isfinite(samples.microvolts).all()
    assert np.array_equal(samples.valid, ~off)


def test_masks_survive_being_joined_with_frames_that_have_none() -> None:
    mask = np.ones((1, 8), np.bool_)
    frames = [*sent([0], 256), *sent([1], 256, missing=mask), *sent([3], 256, off=mask)]
    samples = Assembler(STREAM).take(frames, 0.0)
    assert np.isnan(samples.microvolts[:, 0]).tolist() == [False, True, False]
    assert samples.valid[:, 0].tolist() == [True, False, False]
    assert samples.index.tolist() == [0, 1, 3]


def test_counts_are_of_the_middle_of_the_range() -> None:
    unsigned = Stream(250.0, 1, 100.0, 0, 1023, 0, zero_count=512)
    counts = np.array([[0], [1], [512], [1022], [1023]], np.int32)
    samples = Assembler(unsigned).take([Frames(np.zeros(5, np.int64), counts)], 0.0)
    assert samples.microvolts[:, 0].tolist() == [-51200, -51100, 0, 51000, 51100]
    assert samples.valid[:, 0].tolist() == [False, True, True, True, False]


# --- outages, restarts, and samples that come late


def test_after_an_outage_the_index_goes_on_by_the_hosts_clock() -> None:
    assembler = Assembler(STREAM)
    in_step(assembler, range(500))
    assembler.outage()
    # away for 10 s, and counting from 0 again
    samples = assembler.take(frames(range(5)), 100.0 + 3004 / RATE)
    assert samples.index.tolist() == list(range(3000, 3005))
    assert assembler.counters == Counters(received=505, lost_in_outages=2500)
    assert assembler.take(frames([5]), 100.0 + 3005 / RATE).index.tolist() == [3005]


@pytest.mark.parametrize("reopened", [True, False])
def test_a_short_counter_is_not_asked_how_long_an_outage_was(*, reopened: bool) -> None:
    """A Cyton begins at 0 with each `b`; one outage in eight would fit such a counter by chance."""
    for away in range(10, 600):
        assembler = Assembler(STREAM)
        in_step(assembler, range(200))
        assembler.outage(reopened=reopened)
        arrived_s = 100.0 + (200 + away) / RATE
        assert assembler.take(frames([0]), arrived_s).index.tolist() == [200 + away]


@pytest.mark.parametrize("late_s", [0.0, 0.2, 0.4])
def test_a_short_counter_that_went_on_tells_how_much_a_silence_lost(late_s: float) -> None:
    """Bytes that an adapter held back: the clock alone would be as wrong as they are late."""
    for away in (0, 1, 130, 200, 255, 256, 300, 800):
        assembler = Assembler(STREAM)
        in_step(assembler, range(200))
        assembler.outage(reopened=False, renumbered=False)
        held = np.arange(200 + away, 230 + away)
        samples = assembler.take(frames(held), 100.0 + held[-1] / RATE + late_s)
        assert samples.index.tolist() == held.tolist()
        assert (assembler.counters.lost, assembler.counters.lost_in_outages) == (0, away)


def test_an_outage_without_a_counter_is_by_the_hosts_clock_too() -> None:
    assembler = Assembler(NONE)
    read_in(assembler, NONE, range(500))
    assembler.outage()
    assert assembler.take(sent(range(5), 0), 51.504).index.tolist() == list(range(1500, 1505))
    assert assembler.counters == Counters(received=505, lost_in_outages=1000)


@pytest.mark.parametrize("late_s", [0.0, 0.04, 0.2])
def test_a_long_counter_that_went_on_says_exactly_what_an_outage_cost(late_s: float) -> None:
    """Unplugged, not switched off: the index is the sensor's own, however late it is read."""
    assembler = Assembler(LONG)
    read_in(assembler, LONG, range(500))
    assembler.outage()
    samples = assembler.take(sent(range(5000, 5005), 1 << 32), 50 + 5.004 + late_s)
    assert samples.index[0] == 5000
    assert assembler.counters.lost_in_outages == 4500


def test_a_long_counter_that_began_again_does_not() -> None:
    assembler = Assembler(LONG)
    read_in(assembler, LONG, range(500))
    assembler.outage()
    samples = assembler.take(sent(range(700, 705), 1 << 32), 50 + 9.004)
    assert samples.index[0] == 9000


def test_what_a_silent_sensor_kept_and_sends_late_is_not_lost() -> None:
    assembler = Assembler(LONG)
    read_in(assembler, LONG, range(500))
    assembler.outage(reopened=False)
    got = [assembler.take(sent(range(n, n + 100), 1 << 32), 52.5) for n in range(500, 2500, 100)]
    assert join(got).index.tolist() == list(range(500, 2500))
    assert assembler.counters == Counters(received=2500)


def test_an_outage_before_the_first_sample_is_none() -> None:
    assembler = Assembler(STREAM)
    assembler.outage()
    assert assembler.take(frames([7]), 5.0).index.tolist() == [7]
    assert assembler.counters == Counters(received=1)


def test_however_the_clock_jumps_the_index_rises() -> None:
    assembler = Assembler(STREAM)
    in_step(assembler, range(500))
    assembler.outage()
    assert assembler.take(frames([0, 1]), 90.0).index.tolist() == [500, 501]


def test_a_sensor_that_restarts_within_a_read_is_a_reboot() -> None:
    assembler = Assembler(LONG)
    read_in(assembler, LONG, range(500))
    both = [*sent(range(500, 503), 1 << 32), *sent(range(4), 1 << 32, restarted=True)]
    samples = assembler.take(both, 50.0 + 1.003)
    assert samples.index.tolist() == [500, 501, 502, 1000, 1001, 1002, 1003]
    assert assembler.counters == Counters(received=507, lost_in_outages=497, reboots=1)


def test_a_restart_before_the_first_sample_is_none() -> None:
    assembler = Assembler(LONG)
    assert assembler.take(sent([3], 1 << 32, restarted=True), 5.0).index.tolist() == [3]
    assert assembler.counters == Counters(received=1)


@pytest.mark.parametrize("stream", [STREAM, LONG])
def test_samples_that_come_after_later_ones_are_dropped_and_counted(stream) -> None:
    assembler = Assembler(stream)
    read_in(assembler, stream, range(500))
    mixed = [500, 501, 499, 497, 502]
    samples = assembler.take(sent(mixed, stream.turn), 50 + 502 / stream.sample_rate_hz)
    assert samples.index.tolist() == [500, 501, 502]
    assert samples.microvolts[:, 0] == pytest.approx(
        np.array([500, 501, 502]) * stream.microvolts_per_count
    )
    assert assembler.counters == Counters(received=503, stale=2)


def test_a_sensor_that_counts_anew_without_saying_so_is_found_out() -> None:
    assembler = Assembler(LONG)
    read_in(assembler, LONG, range(10_000))
    got = []
    for n in range(0, 1000, 5):
        got += assembler.take(sent(range(n, n + 5), 1 << 32), 62 + n / 1000).index.tolist()
    counters = assembler.counters
    assert (counters.reboots, counters.stale, counters.lost) == (1, 15, 0)
    assert len(got) == 1000 - 15
    assert got[0] == pytest.approx(12_011, abs=1)
    assert np.diff(got).tolist() == [1] * (len(got) - 1)
    assert counters.received + counters.lost_in_outages == got[-1] + 1


@pytest.mark.parametrize(("stream", "again"), [(LONG, 32), (LONG, 300), (STREAM, 20), (STREAM, 50)])
@pytest.mark.parametrize("size", [1, 5, 1000])
@pytest.mark.parametrize("takes_time", [True, False])
def test_a_burst_that_comes_twice_is_no_reboot(
    stream: Stream, again: int, size: int, *, takes_time: bool
) -> None:
    """In reads of `size`, at one moment or as fast as samples are taken."""
    assembler = Assembler(stream)
    read_in(assembler, stream, range(2000))
    numbers = [*range(2000 - again, 2000), *range(2000, 2300)]
    got: list[int] = []
    late = again if takes_time else 0
    for start in range(0, len(numbers), size):
        run = numbers[start : start + size]
        place = 2000 - again + start + len(run) + late - 1
        now_s = 50.0 + (place if takes_time else max(1999, run[-1])) / stream.sample_rate_hz
        got += assembler.take(sent(run, stream.turn), now_s).index.tolist()
    assert got == list(range(2000, 2300))
    assert assembler.counters == Counters(received=2300, stale=again - 1, duplicates=1)


def test_a_sensor_that_soon_begins_anew_is_no_burst_that_comes_twice() -> None:
    assembler = Assembler(LONG)
    read_in(assembler, LONG, range(100))
    got = []
    for n in range(0, 1000, 5):  # after 0.4 s without power
        got += assembler.take(sent(range(n, n + 5), 1 << 32), 50 + (n + 504) / 1000).index.tolist()
    assert got == list(range(515, 1500))
    assert (assembler.counters.reboots, assembler.counters.stale) == (1, 15)


@given(data=st.data(), turn=st.sampled_from([0, 16, 256, 2048, 1 << 32]))
@settings(deadline=None)
def test_nothing_that_a_wire_brings_breaks_the_rules(data: st.DataObject, turn: int) -> None:
    """Any counters at any times, outages and restarts: the index rises, and all is counted."""
    assembler = Assembler(replace(STREAM, turn=turn))
    now_s, pieces, fed = 0.0, [], 0
    for _ in range(data.draw(st.integers(1, 8))):
        now_s += data.draw(st.floats(0, 30))
        if data.draw(st.booleans()):
            assembler.outage(reopened=data.draw(st.booleans()))
        read = []
        for _ in range(data.draw(st.integers(0, 3))):
            numbers = data.draw(
                st.lists(st.integers(0, (turn or 300) - 1), min_size=1, max_size=20)
            )
            read += sent(numbers, turn, restarted=data.draw(st.booleans()))
            fed += len(numbers)
        pieces.append(assembler.take(read, now_s))
    index = join(pieces).index
    assert (np.diff(index) > 0).all()
    counters = assembler.counters
    assert counters.received == len(index) == fed - counters.duplicates - counters.stale
    if len(index):
        span = int(index[-1] - index[0]) + 1
        assert span == counters.received + counters.lost + counters.lost_in_outages
