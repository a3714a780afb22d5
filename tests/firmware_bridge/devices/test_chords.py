import time

import numpy as np
import pytest

from edgeemg.errors import PortError
from firmware_bridge.devices.chords import KINDS, ChordsReader, chords, encode, stream_of
from firmware_bridge.frames import Frames, Wishes

# the first bytes that the UNO R3's own firmware sent, run in an AVR simulator
SEEN = bytes.fromhex("c77c 00 01c6 02bb 0000 0000 0000 0000 01 c77c 01")


def read(reader: ChordsReader, stream: bytes) -> tuple[list[int], list[list[int]]]:
    frames = reader.feed(stream)
    counters = [int(n) for one in frames for n in one.counter]
    return counters, [row for one in frames for row in one.counts.tolist()]


def numbered(n: int, channels: int = 6) -> np.ndarray:
    return np.arange(n * channels).reshape(n, channels) % 1024


def test_what_the_firmware_sends_is_read() -> None:
    following = SEEN[2:3] + SEEN[3:16]
    counters, counts = read(ChordsReader(b"UNO-R3\r\n"), SEEN + following[1:])
    assert counters == [0, 1]
    assert counts == [[454, 699, 0, 0, 0, 0]] * 2


def test_our_encoder_writes_what_the_firmware_sends() -> None:
    assert encode([[454, 699, 0, 0, 0, 0]])[0] == SEEN[:16]


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind.channels], ids=lambda one: one.name
)
def test_each_board_is_known_by_its_name(kind) -> None:
    reader = ChordsReader(b"\r\n" + kind.name.encode() + b"\r\n")
    assert reader.stream == stream_of(kind, kind.channels)
    counts = numbered(5, kind.channels)
    assert read(reader, b"".join(encode(counts, 254)))[1] == counts.tolist()


@pytest.mark.parametrize("channels", [1, 3, 6, 16])
def test_channels_that_the_board_does_not_say_are_learned(channels: int) -> None:
    reader = ChordsReader(b"NPG-LITE\r\n")
    assert reader.stream is None
    counts = numbered(12, channels)
    counters, rows = read(reader, b"tail" + b"".join(encode(counts)))
    assert reader.stream is not None
    assert (reader.stream.n_channels, reader.stream.sample_rate_hz) == (channels, 500)
    assert rows == counts.tolist()
    assert counters == list(range(12))
    assert (reader.rejected_bytes, reader.resyncs) == (4, 1)


def test_channels_that_are_wished_need_not_be_learned() -> None:
    reader = ChordsReader(b"NPG-LITE\r\n", Wishes(channels=6))
    assert reader.stream is not None
    assert reader.stream.n_channels == 6


def test_an_unknown_board_needs_a_rate() -> None:
    with pytest.raises(PortError, match=r"'NEW-BOARD' is not known.*--rate"):
        ChordsReader(b"\xc7\x7c\x00NEW-BOARD\r\n")
    reader = ChordsReader(b"NEW-BOARD\r\n", Wishes(rate_hz=1000))
    reader.feed(b"".join(encode(numbered(6, 4))))
    assert reader.stream is not None
    assert (reader.stream.sample_rate_hz, reader.stream.n_channels) == (1000, 4)


@pytest.mark.parametrize("wishes", [Wishes(rate_hz=500), Wishes(channels=8)])
def test_a_wish_that_the_board_contradicts_is_refused(wishes: Wishes) -> None:
    with pytest.raises(PortError, match="the board is a UNO-R3"):
        ChordsReader(b"UNO-R3\r\n", wishes)


def test_gain_is_not_settable() -> None:
    with pytest.raises(PortError, match="--gain does not go"):
        chords(Wishes(gain=2))


def test_a_reply_inside_the_stream_costs_nothing_between_frames() -> None:
    frames = encode(numbered(20))
    reader = ChordsReader(b"UNO-R3")
    counters, _ = read(reader, b"".join([*frames[:10], b"START\r\n", *frames[10:]]))
    assert counters == list(range(20))
    assert (reader.rejected_bytes, reader.resyncs, reader.malformed) == (7, 1, 0)


def test_a_reply_inside_a_frame_costs_that_frame() -> None:
    frames = encode(numbered(20))
    frames[10] = frames[10][:7] + b"START\r\n" + frames[10][7:]
    counters, _ = read(ChordsReader(b"UNO-R3"), b"".join(frames))
    assert counters == [*range(10), *range(11, 20)]


def test_a_sync_pair_with_less_than_a_frame_behind_it_does_not_hang() -> None:
    """11 bytes of a tail and 8 of a head: Chords-Python reads this for ever."""
    frames = encode(numbered(4))
    reader = ChordsReader(b"UNO-R3")
    assert read(reader, frames[0][5:] + frames[1][:8])[0] == []
    assert read(reader, frames[1][8:] + b"".join(frames[2:]))[0] == [1, 2, 3]


def test_a_changed_counter_is_refused_and_not_taken_for_a_loss() -> None:
    frames = [bytearray(one) for one in encode(numbered(20))]
    frames[10][2] ^= 0x40
    reader = ChordsReader(b"UNO-R3")
    counters, _ = read(reader, b"".join(frames))
    assert counters == [*range(10), *range(11, 20)]
    assert reader.malformed == 1


def test_frames_that_are_really_missing_are_a_step_of_the_counter() -> None:
    frames = encode(numbered(40))
    counters, _ = read(ChordsReader(b"UNO-R3"), b"".join(frames[:10] + frames[30:]))
    assert counters == [*range(10), *range(30, 40)]


def test_a_value_beyond_the_converter_is_no_frame() -> None:
    frames = encode(numbered(12))
    frames[6] = encode([[0, 0, 1024, 0, 0, 0]], 6)[0]
    assert read(ChordsReader(b"UNO-R3"), b"".join(frames))[0] == [*range(6), *range(7, 12)]


def test_counts_and_counters_come_as_the_bridge_promises() -> None:
    frames: list[Frames] = ChordsReader(b"GIGA-R1").feed(b"".join(encode([[65535] * 6] * 3)))
    assert all(one.counts.dtype == np.int32 and one.counter.dtype == np.int64 for one in frames)
    assert frames[0].counts.tolist()[0] == [65535] * 6


def test_noise_made_of_marks_is_read_in_linear_time() -> None:
    started_s = time.monotonic()
    for said in (b"UNO-R3", b"NPG-LITE"):
        reader = ChordsReader(said)
        for _ in range(50):
            reader.feed(b"\xc7\x7c" * 4000)
        assert reader.rejected_bytes > 390_000
    assert time.monotonic() - started_s < 60


@pytest.mark.parametrize("counts", [[0] * 6, [[0] * 33], [[-1] * 3], [[65536] * 3]])
def test_counts_that_do_not_fit_are_refused(counts: list) -> None:
    with pytest.raises(ValueError, match="counts must"):
        encode(counts)


@pytest.mark.parametrize("change", [32, 64, 128])
def test_the_same_change_in_two_counters_in_a_row_is_no_loss(change: int) -> None:
    pieces = encode(numbered(60))
    for n in (30, 31):
        pieces[n] = pieces[n][:2] + bytes([pieces[n][2] ^ change]) + pieces[n][3:]
    counters, _ = read(ChordsReader(b"UNO-R3\r\n"), b"".join(pieces))
    assert counters == [*range(30), *range(32, 60)]


def test_the_first_frame_behind_a_long_loss_waits_for_two_and_is_kept() -> None:
    pieces = encode(numbered(120))
    reader = ChordsReader(b"UNO-R3\r\n")
    assert read(reader, b"".join(pieces[:10] + pieces[100:102]))[0] == [*range(10)]
    assert read(reader, pieces[102])[0] == [100, 101, 102]


def test_pairs_of_frames_between_losses_are_heard() -> None:
    pieces = encode(numbered(200))
    arrived = [n for n in range(200) if n < 20 or n % 10 < 2]
    counters, _ = read(ChordsReader(b"UNO-R3\r\n"), b"".join(pieces[n] for n in arrived))
    assert counters == arrived[:-2]  # which wait
