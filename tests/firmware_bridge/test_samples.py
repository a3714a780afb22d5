import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeemg.dsp.samples import join
from firmware_bridge.devices.cyton import CYTON
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


@pytest.mark.parametrize("missing", [1, 2, 100, 254, 255, 256, 257, 511, 512, 1000, 5000])
def test_a_gap_of_any_length_is_counted(missing: int) -> None:
    sent = [*range(300), *range(300 + missing, 600 + missing)]
    assembler = Assembler(CYTON)
    assert in_step(assembler, sent) == sent
    assert (assembler.counters.received, assembler.counters.lost) == (600, missing)


@pytest.mark.parametrize("late_s", [-0.4, -0.1, 0.1, 0.4])
def test_256_lost_packets_are_seen_although_the_host_is_not_punctual(late_s: float) -> None:
    assembler = Assembler(CYTON)
    in_step(assembler, range(50))
    samples = assembler.take(frames([50 + 256]), 100.0 + (50 + 256) / RATE + late_s)
    assert samples.index.tolist() == [306]
    assert assembler.counters.lost == 256


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


def test_after_a_restart_the_index_rises_and_a_break_shows() -> None:
    assembler = Assembler(CYTON)
    before = in_step(assembler, range(300))
    assembler.restart()
    samples = assembler.take(frames([0, 1, 2]), 100.0 + 299 / RATE + 2.0)
    assert samples.index.tolist() == [299 + 498, 299 + 499, 299 + 500]
    again = assembler.take(frames([3]), 100.0 + 299 / RATE + 2.004)
    assert again.index.tolist() == [800]
    assert before[-1] == 299
    assert assembler.counters.restarts == 1
    assert assembler.counters.lost == 0


def test_a_quick_restart_is_a_break_too() -> None:
    assembler = Assembler(CYTON)
    in_step(assembler, range(10))
    assembler.restart()
    samples = assembler.take(frames([0, 1]), 100.0 + 9 / RATE)
    assert samples.index.tolist() == [11, 12]


def test_counters_print_as_names_and_numbers() -> None:
    assembler = Assembler(CYTON)
    in_step(assembler, [0, 1, 3])
    counters = assembler.counters.as_dict()
    assert counters["received"] == 3
    assert counters["lost"] == 1
    assert set(counters) >= {"duplicates", "rejected_bytes", "resyncs"}


late = st.lists(st.floats(0, 0.3), min_size=60, max_size=60)


@given(gaps=st.lists(st.integers(1, 2000), min_size=1, max_size=59), late_s=late)
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
