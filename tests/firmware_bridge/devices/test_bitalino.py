import random

import numpy as np
import pytest

from edgeemg.errors import PortError
from firmware_bridge.devices.bitalino import (
    BitalinoReader,
    bitalino,
    encode,
    frame_bytes,
    rate_command,
    start_command,
)
from firmware_bridge.frames import Wishes

# made from the layout by hand: sequence 5, I1 and O1 high, channels 512, 1, 1023, 300, 40, 63
VECTORS = {
    1: "00a85d",
    2: "0100a857",
    3: "c0ff0100a850",
    4: "c0d2ff0100a85a",
    5: "00cad2ff0100a855",
    6: "3fcad2ff0100a853",
}
COUNTS = [512, 1, 1023, 300, 40 << 4, 63 << 4]


def read(stream: bytes, channels: int = 4) -> tuple[list[int], BitalinoReader]:
    reader = BitalinoReader(1000, channels)
    frames = reader.feed(stream)
    return [int(n) for one in frames for n in one.counter], reader


def numbered(n: int, channels: int = 4) -> np.ndarray:
    return np.random.default_rng(2).integers(0, 1024, (n, channels))


@pytest.mark.parametrize("channels", VECTORS)
def test_frames_are_written_as_by_hand(channels: int) -> None:
    (frame,) = encode([COUNTS[:channels]], 5, digital=0b1010)
    assert frame.hex() == VECTORS[channels]
    assert len(frame) == frame_bytes(channels)


@pytest.mark.parametrize("channels", VECTORS)
def test_what_is_encoded_is_decoded(channels: int) -> None:
    counts = numbered(40, channels)
    reader = BitalinoReader(1000, channels)
    frames = reader.feed(b"".join(encode(counts, 5)))
    got = np.concatenate([one.counts for one in frames])
    assert (got[:, :4] == counts[:, :4]).all()
    # 6 bits, spread over the 10
    assert (got[:, 4:] >> 4 == counts[:, 4:] >> 4).all()
    assert [int(n) for one in frames for n in one.counter] == [(5 + n) % 16 for n in range(40)]


def test_both_ends_of_a_six_bit_channel_are_the_ends_of_the_range() -> None:
    frames = BitalinoReader().feed(b"".join(encode([[0] * 6, [1023] * 6] * 8)))
    got = np.concatenate([one.counts for one in frames])
    assert got[:2].tolist() == [[0] * 6, [1023] * 6]


def test_the_scale_is_that_of_the_emg_sensor() -> None:
    stream = BitalinoReader().stream
    assert stream is not None
    assert stream.microvolts_per_count * 512 == pytest.approx(1635.3, abs=0.1)
    assert (stream.zero_count, stream.turn) == (512, 16)


def test_the_first_frames_wait_until_eight_are_in_a_row() -> None:
    frames = encode(numbered(9))
    assert read(b"".join(frames[:7]))[0] == []
    assert read(b"".join(frames[:8]))[0] == list(range(8))


def test_a_changed_frame_costs_itself() -> None:
    frames = [bytearray(one) for one in encode(numbered(40))]
    frames[20][3] ^= 0x10
    counters, reader = read(b"".join(frames))
    assert counters == [n % 16 for n in range(40) if n != 20]
    assert (reader.malformed, reader.resyncs) == (1, 1)


def test_one_changed_bit_is_always_seen() -> None:
    stream = b"".join(encode(numbered(24)))
    whole = {tuple(row) for row in numbered(24).tolist()}
    size = frame_bytes(4)
    for bit in range(12 * 8 * size, 13 * 8 * size):
        changed = bytearray(stream)
        changed[bit // 8] ^= 1 << bit % 8
        reader = BitalinoReader(1000, 4)
        rows = [tuple(row) for one in reader.feed(bytes(changed)) for row in one.counts.tolist()]
        assert len(rows) == 23
        assert set(rows) < whole


def test_a_changed_byte_is_missed_once_in_sixteen() -> None:
    stream = b"".join(encode(numbered(30)))
    whole = {tuple(row) for row in numbered(30).tolist()}
    place, size, missed = random.Random(1), frame_bytes(4), 0
    for _ in range(600):
        changed = bytearray(stream)
        changed[place.randrange(12 * size, 14 * size)] ^= place.randrange(1, 256)
        reader = BitalinoReader(1000, 4)
        rows = [tuple(row) for one in reader.feed(bytes(changed)) for row in one.counts.tolist()]
        missed += any(row not in whole for row in rows)
    # 15 of 255 changes leave the remainder as it is; those in the sequence are seen all the same
    assert 0.02 < missed / 600 < 0.1


def test_a_lost_byte_costs_its_frame() -> None:
    stream = b"".join(encode(numbered(40)))
    at = 20 * frame_bytes(4) + 3
    counters, _ = read(stream[:at] + stream[at + 1 :])
    assert counters == [n % 16 for n in range(40) if n != 20]


def test_commands_are_those_of_the_device() -> None:
    assert [rate_command(rate) for rate in (1, 10, 100, 1000)] == [
        b"\x03",
        b"\x43",
        b"\x83",
        b"\xc3",
    ]
    assert (start_command(1), start_command(6)) == (b"\x05", b"\xfd")


def test_wishes_set_rate_and_channels() -> None:
    device = bitalino(Wishes(rate_hz=100, channels=2))
    assert device.stream is not None
    assert (device.stream.sample_rate_hz, device.stream.n_channels) == (100, 2)
    assert [ask.send for ask in device.hello if ask.send] == [b"\x00", b"\x07", b"\x83", b"\x0d"]


@pytest.mark.parametrize(
    "wishes", [Wishes(rate_hz=250), Wishes(channels=7), Wishes(gain=10)], ids=str
)
def test_wishes_that_it_cannot_meet_are_refused(wishes: Wishes) -> None:
    with pytest.raises(PortError, match="BITalino"):
        bitalino(wishes)


@pytest.mark.parametrize("counts", [[0] * 4, [[0] * 7], [[-1] * 3], [[1024] * 3]])
def test_counts_that_do_not_fit_are_refused(counts: list) -> None:
    with pytest.raises(ValueError, match="counts must"):
        encode(counts)
