import random
import sys
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeemg.errors import PortError
from firmware_bridge.devices import find_device
from firmware_bridge.devices.edgeemg import EdgeemgReader
from firmware_bridge.devices.edgeemg_encoder import encode, encode_data, encode_info, info_of
from firmware_bridge.devices.edgeemg_frames import Data
from firmware_bridge.frames import Frames, Stream, Wishes

TURN = 1 << 32
STREAM = Stream(
    sample_rate_hz=1000.0,
    n_channels=4,
    microvolts_per_count=0.5,
    lowest_count=0,
    highest_count=1023,
    turn=TURN,
    zero_count=512,
)
INFO = replace(info_of(STREAM, name="test", firmware=(1, 2, 3), boot_id=7), n_samples=5)
TOLD = encode_info(INFO)
READY = TOLD + encode_info(replace(INFO, streaming=True))


def numbered(first: int, n: int) -> np.ndarray:
    """(n, 4) counts from which each sample's number can be read."""
    number = np.arange(first, first + n)
    return np.stack([number % 1000, number // 1000 % 1000, number * 0, number * 0 - 1], axis=1)


def frames(first: int, n: int, info=INFO, **more) -> list[bytes]:
    return encode(numbered(first, n), first, info=info, **more)


def sent(first: int, n: int, info=INFO, **more) -> bytes:
    return b"".join(frames(first, n, info, **more))


def numbers(runs: list[Frames]) -> list[int]:
    return [int(n) for run in runs for n in run.counter]


def feed(*chunks: bytes, greeting: bytes = TOLD) -> tuple[EdgeemgReader, list[Frames]]:
    reader = EdgeemgReader(greeting)
    return reader, [run for chunk in chunks for run in reader.feed(chunk)]


def test_counts_and_counters_come_as_the_bridge_promises() -> None:
    reader, (run,) = feed(sent(40, 13))
    assert (run.counter.dtype, run.counts.dtype) == (np.int64, np.int32)
    assert run.counter.tolist() == list(range(40, 53))
    assert run.counts.tolist() == numbered(40, 13).tolist()
    assert (run.missing, run.off, run.restarted) == (None, None, False)
    assert (reader.rejected_bytes, reader.resyncs, reader.malformed) == (0, 0, 0)


def test_the_stream_is_learned_from_info() -> None:
    assert EdgeemgReader().stream is None
    reader = EdgeemgReader(TOLD)
    assert reader.stream == STREAM
    assert reader.about == "test 1.2.3"


@pytest.mark.parametrize("microvolts", [4.5 / 24 / 8388607 * 1e6, 0.1, 1 / 3, 4882.8125, 1e-6])
def test_a_scale_comes_back_to_the_last_digit(microvolts: float) -> None:
    told = encode_info(info_of(replace(STREAM, microvolts_per_count=microvolts)))
    stream = EdgeemgReader(told).stream
    assert stream is not None
    assert stream.microvolts_per_count == pytest.approx(microvolts, rel=1e-15)


@pytest.mark.parametrize(
    ("highest", "bits"), [(32767, 16), (32768, 24), (8388607, 24), (1 << 23, 32)]
)
def test_counts_go_in_the_narrowest_format(highest: int, bits: int) -> None:
    info = info_of(replace(STREAM, lowest_count=-highest, highest_count=highest))
    rows = np.array([[highest, -highest, -highest - (highest in (32767, 8388607)), 0]])
    _, (run,) = feed(*encode(rows, info=info), greeting=encode_info(info))
    assert {1: 16, 2: 24, 3: 32}[info.format] == bits
    assert run.counts.tolist() == rows.tolist()


def test_data_before_any_info_gives_nothing_and_is_counted() -> None:
    reader, runs = feed(sent(0, 10), READY, sent(10, 10), greeting=b"")
    assert numbers(runs) == list(range(10, 20))
    assert reader.rejected_bytes == len(sent(0, 10))
    assert reader.malformed == 0


def test_what_was_said_in_the_greeting_is_neither_handed_on_nor_counted() -> None:
    old = b"noise\0" + sent(700, 50)[7:] + TOLD
    reader, runs = feed(sent(0, 5), greeting=old)
    assert numbers(runs) == list(range(5))
    assert (reader.rejected_bytes, reader.resyncs, reader.malformed) == (0, 0, 0)


def test_a_frame_that_began_in_the_greeting_is_read_to_its_end() -> None:
    stream = sent(0, 10)
    assert numbers(feed(stream[4:], greeting=TOLD + stream[:4])[1]) == list(range(10))


def test_a_beacon_inside_the_stream_costs_nothing_and_is_no_break() -> None:
    beacon = encode_info(replace(INFO, streaming=True, overruns=3, time_us=99))
    reader, runs = feed(sent(0, 10) + beacon + sent(10, 10))
    assert [len(run) for run in runs] == [20]
    assert reader.overruns == 3
    assert reader.rejected_bytes == 0


def test_electrodes_that_are_off_are_named_sample_by_sample() -> None:
    _, (run,) = feed(sent(0, 5) + sent(5, 7, off_mask=0b1010))
    assert run.off is not None
    assert run.off.tolist() == [[False] * 4] * 5 + [[False, True, False, True]] * 7


def test_a_loss_in_the_sensor_shows_in_the_counter() -> None:
    _, (run,) = feed(sent(0, 5) + sent(50, 5, lost_before=True))
    assert run.counter.tolist() == [*range(5), *range(50, 55)]


def test_the_counter_wraps_at_32_bits() -> None:
    _, (run,) = feed(sent(TURN - 3, 10))
    assert run.counter.tolist() == [TURN - 3, TURN - 2, TURN - 1, *range(7)]


def test_noise_splits_a_run_and_is_counted() -> None:
    reader, runs = feed(sent(0, 10) + b"noise\0" + sent(10, 10) + b"more\0noise\0")
    assert [len(run) for run in runs] == [10, 10]
    assert (reader.rejected_bytes, reader.resyncs, reader.malformed) == (17, 2, 3)


def test_beacons_leave_no_memory_behind() -> None:
    reader, beacon = EdgeemgReader(TOLD), READY[len(TOLD) :]

    def blocks_after(n: int) -> int:
        for _ in range(n):
            reader.feed(beacon)
        return sys.getallocatedblocks()

    warm = blocks_after(200)
    assert blocks_after(1000) - warm < 200


def test_noise_before_a_beacon_still_splits_a_run() -> None:
    _, runs = feed(sent(0, 10) + b"noise\0" + READY + sent(10, 10))
    assert [len(run) for run in runs] == [10, 10]


def test_zeros_between_frames_are_neither_frames_nor_noise() -> None:
    reader, runs = feed(b"\0" + b"\0\0\0".join(frames(0, 20)))
    assert numbers(runs) == list(range(20))
    assert reader.rejected_bytes == 0


def test_a_message_of_the_boot_loader_ends_with_the_delimiter_before_info() -> None:
    said = b"ets Jul 29 2019 12:21:46\r\n\r\nrst:0x1 (POWERON_RESET)\r\n"
    reader, runs = feed(said + b"\0" + READY + sent(0, 5), greeting=b"")
    assert numbers(runs) == list(range(5))
    assert (reader.rejected_bytes, reader.malformed) == (len(said) + 1, 1)


def test_noise_without_a_delimiter_is_dropped_as_it_comes() -> None:
    reader = EdgeemgReader(TOLD)
    for _ in range(100):
        reader.feed(b"x" * 1000)
        assert reader.held_bytes <= 510
    assert numbers(reader.feed(b"\0" + sent(0, 5))) == list(range(5))
    assert (reader.rejected_bytes, reader.malformed, reader.resyncs) == (100_001, 1, 1)


@pytest.mark.parametrize(
    "other",
    [
        replace(INFO, n_channels=3),
        replace(INFO, format=2),
        replace(INFO, boot_id=8),
    ],
)
def test_data_that_does_not_go_with_info_is_refused(other) -> None:
    rows = np.zeros((5, other.n_channels))
    reader, runs = feed(sent(0, 5), *encode(rows, 5, info=other), sent(10, 5))
    assert numbers(runs) == [*range(5), *range(10, 15)]
    assert reader.malformed == 1


def test_info_that_contradicts_itself_within_a_boot_is_refused() -> None:
    reader, _ = feed(sent(0, 5), encode_info(replace(INFO, rate_mhz=500_000)), sent(5, 5))
    assert reader.stream == STREAM
    assert reader.malformed == 1


def test_before_data_the_latest_info_counts() -> None:
    """A board that resets when its port is opened may say INFO before, and INFO after."""
    after = replace(INFO, boot_id=9)
    _, runs = feed(encode_info(after), sent(0, 5, after))
    assert numbers(runs) == list(range(5))
    assert not runs[0].restarted


def test_a_reboot_is_seen_when_data_of_another_boot_comes() -> None:
    again = replace(INFO, boot_id=8)
    reader, runs = feed(sent(500, 10) + encode_info(again) + sent(3, 10, again))
    assert [run.restarted for run in runs] == [False, True]
    assert numbers(runs) == [*range(500, 510), *range(3, 13)]
    assert (reader.malformed, reader.rejected_bytes) == (0, 0)


def test_info_of_another_boot_alone_changes_nothing() -> None:
    reader, runs = feed(sent(0, 5), encode_info(replace(INFO, boot_id=8, rate_mhz=1)), sent(5, 5))
    assert numbers(runs) == list(range(10))
    assert reader.stream == STREAM


def test_a_sensor_that_boots_as_something_else_changes_the_stream() -> None:
    faster = replace(INFO, boot_id=8, rate_mhz=2_000_000)
    reader = EdgeemgReader(TOLD)
    reader.feed(sent(0, 5) + encode_info(faster))
    assert reader.stream == STREAM
    (run,) = reader.feed(sent(0, 5, faster))
    assert run.restarted
    assert reader.stream == replace(STREAM, sample_rate_hz=2000.0)


def test_after_a_reboot_without_its_info_data_waits_for_the_next_one() -> None:
    again = replace(INFO, boot_id=8)
    reader, runs = feed(sent(0, 5), sent(0, 10, again), encode_info(again), sent(10, 5, again))
    assert numbers(runs) == [*range(5), *range(10, 15)]
    assert [run.restarted for run in runs] == [False, True]
    assert reader.malformed == 2


@pytest.mark.parametrize("step", [9_999, 1_000, -5, -9_000])
def test_a_sane_step_of_the_index_is_handed_on(step: int) -> None:
    _, runs = feed(sent(20_000, 5), sent(20_005 + step, 5))
    assert numbers(runs)[5:] == list(range(20_005 + step, 20_010 + step))


@pytest.mark.parametrize("index", [11_000, 1_000_000, TURN - 20_000])
def test_one_index_from_far_away_is_refused(index: int) -> None:
    reader, runs = feed(sent(0, 5), sent(index, 5), sent(5, 5))
    assert numbers(runs) == list(range(10))
    assert reader.malformed == 1


def test_a_second_frame_that_goes_on_from_far_away_proves_it() -> None:
    _, runs = feed(sent(0, 5), sent(3_000_000, 20))
    assert numbers(runs) == [*range(5), *range(3_000_005, 3_000_020)]
    assert not runs[-1].restarted


def test_an_index_that_stays_behind_is_a_boot_that_nobody_told() -> None:
    """Firmware whose boot_id is always the same: against the rules, and still not a huge loss."""
    _, runs = feed(sent(3_000_000, 5), sent(0, 20))
    assert [run.restarted for run in runs] == [False, True]
    assert numbers(runs)[5:] == list(range(5, 20))


def test_a_scale_or_a_count_that_info_cannot_say_is_an_error() -> None:
    with pytest.raises(ValueError, match="nanovolts"):
        info_of(replace(STREAM, microvolts_per_count=0.0))
    with pytest.raises(ValueError, match="32 bits"):
        info_of(replace(STREAM, highest_count=1 << 31))
    with pytest.raises(ValueError, match="16 bytes"):
        encode_info(replace(INFO, name="a name that is too long"))
    with pytest.raises(ValueError, match="counts must be"):
        encode(np.zeros((5, 3)), info=INFO)
    with pytest.raises(ValueError, match="16 bits"):
        encode(np.full((5, 4), 1 << 15), info=INFO)


@pytest.mark.parametrize("field", [{"off_mask": 16}, {"n_samples": 4}, {"flags": 2}])
def test_a_frame_that_no_receiver_would_take_is_not_written(field) -> None:
    good = Data(4, 5, 1, 0, 7, 0, 0, 0, bytes(40))
    assert encode_data(good)
    with pytest.raises(ValueError, match="no receiver would take"):
        encode_data(good._replace(**field))


def test_the_greeting_waits_for_info_of_a_sensor_that_stands_still() -> None:
    ask = find_device("edgeemg").hello[1]
    assert TOLD.startswith(ask.begins)
    assert TOLD.endswith(ask.ends)
    assert ask.begins not in encode_info(replace(INFO, streaming=True))


def test_wishes_are_refused_because_the_sensor_says_it_all() -> None:
    with pytest.raises(PortError, match="--rate does not go with the edgeemg sensor"):
        find_device("edgeemg", Wishes(rate_hz=500.0))


AGAIN = replace(INFO, boot_id=8)
pieces = st.lists(
    st.one_of(
        st.integers(0, 60).map(lambda n: sent(5 * n, 5)),
        st.integers(0, 60).map(lambda n: sent(5 * n, 5, off_mask=n % 16)),
        st.integers(0, 60).map(lambda n: sent(5 * n, 5, AGAIN)),
        st.integers(0, TURN - 1).map(lambda n: sent(n, 5)),
        st.integers(0, 60).map(lambda n: sent(5 * n, 5)[:-1]),
        st.sampled_from([TOLD, encode_info(AGAIN), b"\0", b"x" * 300, READY[:-1]]),
        st.binary(max_size=40),
    ),
    max_size=14,
).map(b"".join)


def told(reader: EdgeemgReader, runs: list[Frames]) -> tuple:
    """All that a reader gave, whatever the chunks were."""
    rows = [
        (int(n), tuple(row), () if run.off is None or not run.off[k].any() else tuple(run.off[k]))
        for run in runs
        for k, (n, row) in enumerate(zip(run.counter, run.counts.tolist(), strict=True))
    ]
    return (
        rows,
        sum(run.restarted for run in runs),
        (reader.rejected_bytes, reader.resyncs, reader.malformed),
        (reader.stream, reader.overruns, reader.about),
    )


@given(
    stream=pieces,
    cuts=st.lists(st.integers(0, 800), max_size=12),
    greeting=st.sampled_from([b"", TOLD]),
)
def test_any_chunking_gives_the_same_frames(stream: bytes, cuts: list[int], greeting) -> None:
    ends = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    whole = told(*feed(stream, greeting=greeting))
    chunks = (stream[start:end] for start, end in pairwise(ends))
    assert told(*feed(*chunks, greeting=greeting)) == whole
    assert told(*feed(*(bytes([byte]) for byte in stream), greeting=greeting)) == whole


@given(chunks=st.lists(st.one_of(st.binary(max_size=400), pieces), max_size=12))
def test_no_bytes_raise_and_what_is_held_is_bounded(chunks: list[bytes]) -> None:
    reader = EdgeemgReader()
    for chunk in chunks:
        reader.feed(chunk)
        assert reader.held_bytes <= 510
    assert reader.rejected_bytes + reader.held_bytes <= sum(map(len, chunks))


damage = st.tuples(
    st.sampled_from(["flip", "lose", "insert"]), st.integers(0, 10**6), st.integers(1, 255)
)


@settings(max_examples=400)
@given(hits=st.lists(damage, min_size=1, max_size=5))
def test_k_damaged_bytes_cost_at_most_k_frames_and_invent_none(hits) -> None:
    good = frames(0, 500)
    stream = bytearray(b"".join(good))
    for kind, where, value in hits:
        at = where % len(stream)
        if kind == "flip":
            stream[at] ^= value
        elif kind == "lose":
            del stream[at]
        else:
            stream.insert(at, value)
    assert lost_frames(bytes(stream)) <= len(hits)


def lost_frames(stream: bytes, n: int = 500) -> int:
    """How many of the n / 5 frames of `stream` are not read; none that are may be wrong."""
    _, runs = feed(stream, b"\0")
    rows = [row for run in runs for row in run.counts.tolist()]
    read = dict(zip(numbers(runs), rows, strict=True))
    truth = dict(enumerate(numbered(0, n).tolist()))
    assert read.items() <= truth.items()
    return (len(truth) - len(read)) // 5


@pytest.mark.parametrize("instead", [b"", b"\x01", b"\x40", b"\xff"])
@pytest.mark.parametrize("how_many", [1, 2, 3, 19])
def test_a_delimiter_that_was_lost_or_changed_costs_no_frame(how_many: int, instead) -> None:
    wire = frames(0, 100)
    merged = b"".join(frame[:-1] + instead for frame in wire[:how_many])
    stream = merged + b"".join(wire[how_many:])
    assert lost_frames(stream, 100) == 0
    reader, _ = feed(*(bytes([byte]) for byte in stream))
    assert reader.rejected_bytes == how_many * len(instead)


def test_a_frame_behind_a_damaged_one_without_a_delimiter_is_lost_with_it() -> None:
    first, second, *rest = frames(0, 100)
    bad = first[:9] + bytes([first[9] ^ 1]) + first[10:-1]
    assert lost_frames(bad + second + b"".join(rest), 100) == 2


def test_half_a_frame_behind_a_whole_one_is_refused_alone() -> None:
    first, second, *rest = frames(0, 100)
    reader, runs = feed(first[:-1] + second[:20] + b"\0" + b"".join(rest))
    assert numbers(runs) == [*range(5), *range(10, 100)]
    assert (reader.malformed, reader.rejected_bytes) == (1, 21)


def test_one_lost_byte_costs_one_frame_on_average() -> None:
    place = random.Random(3)
    stream = sent(0, 500)
    lost = [
        lost_frames(stream[:at] + stream[at + 1 :])
        for at in (place.randrange(len(stream)) for _ in range(300))
    ]
    assert set(lost) == {0, 1}
