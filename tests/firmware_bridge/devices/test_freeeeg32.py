from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edgeemg.errors import PortError
from firmware_bridge.devices import find_device
from firmware_bridge.devices.freeeeg32 import STREAM, FreeEeg32Reader, encode, freeeeg32
from firmware_bridge.devices.freeeeg32_board import FreeEeg32Board
from firmware_bridge.emulator import Emulator
from firmware_bridge.frames import Wishes
from firmware_bridge.sensor import open_sensor

LENGTHS = [99, 105, 106, 111, 128]  # bare, usual, BrainFlow's emulator, with a gyroscope, longest
TO_LEARN = 258  # bytes


def numbered(n: int) -> np.ndarray:
    """(n, 32) counts: row 3 holds 301 to 332."""
    return (100 * np.arange(n)[:, None] + np.arange(1, 33)).astype(np.int32)


def noisy(n: int, *, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.integers(-500_000, 500_000, 32) + rng.normal(0, 4000, (n, 32))).astype(np.int32)


def read(*chunks: bytes) -> tuple[list[int], list[list[int]], FreeEeg32Reader]:
    reader = FreeEeg32Reader()
    runs = [run for chunk in chunks for run in reader.feed(chunk)]
    counters = [int(n) for run in runs for n in run.counter]
    return counters, [row for run in runs for row in run.counts.tolist()], reader


def test_a_packet_is_laid_out_as_the_firmware_does() -> None:
    (packet,) = encode([range(1, 33)], 7)
    channels = b"".join(n.to_bytes(3, "big") for n in range(1, 33))
    assert packet == b"\xa0\x07" + channels + bytes(6) + b"\xc0"


def test_one_count_is_that_of_2_5_volts_at_gain_8() -> None:
    assert STREAM.microvolts_per_count == pytest.approx(0.0372529, rel=1e-5)


@pytest.mark.parametrize("packet_bytes", LENGTHS)
def test_the_length_of_a_packet_is_learned_and_no_packet_lost(packet_bytes: int) -> None:
    counts = noisy(400)
    counters, rows, reader = read(*encode(counts, 250, packet_bytes=packet_bytes))
    assert counters == [n % 256 for n in range(250, 650)]
    assert rows == counts.tolist()
    assert (reader.rejected_bytes, reader.malformed) == (0, 0)


@pytest.mark.parametrize("packet_bytes", LENGTHS)
def test_a_stream_that_is_joined_in_the_middle_begins_with_the_next_packet(
    packet_bytes: int,
) -> None:
    stream = b"".join(encode(noisy(20), packet_bytes=packet_bytes))
    for cut in range(1, packet_bytes, 7):
        counters, rows, reader = read(stream[cut:])
        assert counters == list(range(1, 20))
        assert rows == noisy(20)[1:].tolist()
        assert reader.rejected_bytes == packet_bytes - cut


@pytest.mark.parametrize("data", ["a000c0", "a0{row:02x}00"])
@pytest.mark.parametrize("cut", [1, 2, 3, 50, 104])
def test_data_full_of_marks_does_not_teach_a_wrong_length(data: str, cut: int) -> None:
    """Every channel looks like a head with a footer, or with a counter: 99 bytes apart, as 105."""
    values = [int.from_bytes(bytes.fromhex(data.format(row=row)), "big") for row in range(40)]
    counts = np.array([[value - (1 << 24)] * 32 for value in values])
    counters, rows, _ = read(b"".join(encode(counts))[cut:])
    assert counters[-30:] == list(range(10, 40))
    assert rows[-30:] == counts[10:].tolist()


def test_a_length_that_no_packet_has_gives_nothing() -> None:
    packets = [packet[:-1] + bytes(30) + b"\xc0" for packet in encode(numbered(30))]
    assert read(*packets)[0] == []


def test_a_lost_byte_costs_one_packet() -> None:
    stream = b"".join(encode(noisy(30)))
    for at in range(10 * 105, 11 * 105):
        counters, _, reader = read(stream[:at] + stream[at + 1 :])
        assert counters == [n for n in range(30) if n != 10]
        assert reader.rejected_bytes == 104


def test_a_packet_whose_counter_fits_neither_neighbour_is_refused() -> None:
    packets = encode(noisy(20))
    packets[9] = packets[9][:1] + b"\x80" + packets[9][2:]
    counters, _, reader = read(*packets)
    assert counters == [n for n in range(20) if n != 9]
    assert reader.malformed == 1


def test_another_footer_is_no_packet() -> None:
    packets = [packet[:-1] + b"\xc1" for packet in encode(noisy(30))]
    assert read(*packets)[0] == []


streams = st.lists(
    st.one_of(
        st.integers(0, 255).map(lambda n: b"".join(encode(numbered(4), n))),
        st.integers(0, 255).map(lambda n: b"".join(encode(numbered(4), n, packet_bytes=106))),
        st.binary(max_size=150),
        st.sampled_from([b"\xa0", b"\xc0", b"\xa0" * 300, b"\xc0\xa0" * 60]),
    ),
    max_size=8,
).map(b"".join)


@given(stream=streams, cuts=st.lists(st.integers(0, 3000), max_size=12))
def test_any_chunking_gives_the_same_frames(stream: bytes, cuts: list[int]) -> None:
    ends = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    seen = []
    for chunks in (
        [stream],
        [stream[start:end] for start, end in pairwise(ends)],
        [bytes([byte]) for byte in stream],
    ):
        counters, rows, reader = read(*chunks)
        counted = (reader.rejected_bytes, reader.resyncs, reader.malformed, reader.held_bytes)
        seen.append((counters, rows, counted))
        assert reader.held_bytes <= TO_LEARN
    assert seen[0] == seen[1] == seen[2]


@settings(max_examples=50)
@given(counts=arrays(np.int32, (7, 32), elements=st.integers(-(1 << 23), (1 << 23) - 1)))
def test_what_is_encoded_is_decoded(counts: np.ndarray) -> None:
    counters, rows, _ = read(*encode(counts, 252))
    assert counters == [252, 253, 254, 255, 0, 1, 2]
    assert rows == counts.tolist()


@pytest.mark.parametrize("counts", [[[0] * 16], [0] * 32, [[1 << 23] * 32]])
def test_counts_that_do_not_fit_are_refused(counts: Any) -> None:
    with pytest.raises(ValueError, match="counts must"):
        encode(counts)


@pytest.mark.parametrize("packet_bytes", [98, 129])
def test_a_length_that_no_build_has_is_refused(packet_bytes: int) -> None:
    with pytest.raises(ValueError, match=r"99\.\.128"):
        encode(numbered(1), packet_bytes=packet_bytes)


def test_a_build_of_another_rate_is_wished_for() -> None:
    device = freeeeg32(Wishes(rate_hz=250.0))
    assert device.stream is not None
    assert device.stream.sample_rate_hz == 250.0
    assert device.reader(b"").stream == device.stream
    assert find_device("freeeeg32").stream == STREAM


@pytest.mark.parametrize("wishes", [Wishes(gain=4), Wishes(channels=16)])
def test_what_its_build_fixes_cannot_be_wished_for(wishes: Wishes) -> None:
    with pytest.raises(PortError, match="leave --"):
        freeeeg32(wishes)


def test_samples_come_over_a_real_pseudo_terminal_without_a_greeting() -> None:
    counts = noisy(3000)
    samples = []
    board = FreeEeg32Board(counts, FreeEeg32Board.streams(Wishes()), loop=True)
    with (
        Emulator(board, speed=5) as emulator,
        open_sensor(emulator.port_name, find_device("freeeeg32")) as sensor,
    ):
        for one in sensor:
            samples.append(one)
            if sum(map(len, samples)) >= 1000:
                break
    index = np.concatenate([one.index for one in samples])
    microvolts = np.concatenate([one.microvolts for one in samples])
    assert (np.diff(index) > 0).all()
    # the index of the first one is its counter, so only rows a turn apart can be told from it
    played = (counts * STREAM.microvolts_per_count).astype(np.float32)
    begins = int(np.flatnonzero((played == microvolts[0]).all(axis=1))[0])
    assert begins % 256 == index[0] % 256
    rows = (begins + index - index[0]) % len(played)
    np.testing.assert_array_equal(microvolts, played[rows])


def test_after_a_loss_of_power_it_streams_again_by_itself() -> None:
    board = FreeEeg32Board(numbered(10))
    board.frames(5)
    assert board.restart() == b""
    assert board.streaming
    assert board.frames(1)[0][:2] == b"\xa0\x00"
