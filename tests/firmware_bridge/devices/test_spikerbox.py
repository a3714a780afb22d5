import numpy as np
import pytest

from edgeemg.errors import PortError
from firmware_bridge.devices.spikerbox import (
    MESSAGE_BEGINS,
    MESSAGE_ENDS,
    SpikerboxReader,
    encode,
    spikerbox,
)
from firmware_bridge.frames import Wishes

MESSAGE = MESSAGE_BEGINS + b"EVNT:1;" + MESSAGE_ENDS


def read(reader: SpikerboxReader, *chunks: bytes) -> list[list[int]]:
    return [row for chunk in chunks for one in reader.feed(chunk) for row in one.counts.tolist()]


def ramp(n: int, channels: int = 1) -> np.ndarray:
    return np.arange(n * channels).reshape(n, channels) % 1024


def test_bytes_are_as_the_firmware_writes_them() -> None:
    assert encode([[512, 1023]])[0] == bytes([0x84, 0x00, 0x07, 0x7F])


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_what_is_encoded_is_decoded(channels: int) -> None:
    counts = ramp(100, channels)
    reader = SpikerboxReader(channels=channels)
    assert read(reader, b"".join(encode(counts))) == counts.tolist()
    assert reader.stream is not None
    assert (reader.stream.sample_rate_hz, reader.stream.turn) == (10_000 / channels, 0)


def test_a_human_spikerbox_has_14_bits() -> None:
    reader = SpikerboxReader(b"..HWT:HUMANSB;..", channels=2)
    counts = np.random.default_rng(0).integers(0, 1 << 14, (40, 2))
    assert read(reader, b"".join(encode(counts))) == counts.tolist()
    assert reader.stream is not None
    assert (reader.stream.zero_count, reader.stream.sample_rate_hz) == (8192, 5000)
    assert (reader.about, SpikerboxReader().about) == ("HUMANSB", "")


@pytest.mark.parametrize("at", [40, 41])
def test_a_message_inside_the_stream_costs_nothing(at: int) -> None:
    stream = b"".join(encode(ramp(60)))
    reader = SpikerboxReader()
    assert read(reader, stream[:at] + MESSAGE + stream[at:]) == ramp(60).tolist()
    assert list(reader.messages) == [b"EVNT:1;"]
    assert (reader.message_bytes, reader.rejected_bytes) == (len(MESSAGE), 0)


def test_a_message_in_pieces_is_still_one() -> None:
    stream = b"".join(encode(ramp(60)))
    whole = stream[:40] + MESSAGE + stream[40:]
    reader = SpikerboxReader()
    assert read(reader, *(bytes([byte]) for byte in whole)) == ramp(60).tolist()
    assert list(reader.messages) == [b"EVNT:1;"]


def test_a_message_that_does_not_end_is_noise() -> None:
    stream = b"".join(encode(ramp(400)))
    reader = SpikerboxReader()
    rows = read(reader, stream[:100] + MESSAGE_BEGINS + stream[100:])
    assert rows == ramp(400).tolist()
    assert reader.rejected_bytes == len(MESSAGE_BEGINS)
    assert not reader.messages


def test_only_the_last_messages_are_kept() -> None:
    reader = SpikerboxReader()
    for _ in range(100):
        reader.feed(MESSAGE)
    assert len(reader.messages) == 16
    assert reader.message_bytes == 100 * len(MESSAGE)


def test_a_lost_byte_costs_one_sample() -> None:
    stream = b"".join(encode(ramp(60, 2)))
    for at in range(100, 104):
        reader = SpikerboxReader(channels=2)
        rows = read(reader, stream[:at] + stream[at + 1 :])
        assert rows == [row for n, row in enumerate(ramp(60, 2).tolist()) if n != 25]
        assert reader.resyncs == 1


def test_all_bytes_are_accounted_for() -> None:
    stream = b"noise" + b"".join(encode(ramp(40))) + MESSAGE + b"more" + b"".join(encode(ramp(9)))
    reader = SpikerboxReader()
    frames = len(read(reader, stream))
    counted = 2 * frames + reader.rejected_bytes + reader.message_bytes + reader.held_bytes
    assert counted == len(stream)


def test_wishes_set_channels_and_rate() -> None:
    device = spikerbox(Wishes(channels=2, rate_hz=500))
    reader = device.reader(b"")
    assert reader.stream is not None
    assert (reader.stream.n_channels, reader.stream.sample_rate_hz) == (2, 500)
    assert [ask.send for ask in device.hello] == [b"b:;\n", b"conf s:10000;c:2;\n"]
    assert "not seen" in device.loss


@pytest.mark.parametrize("wishes", [Wishes(channels=7), Wishes(gain=2)], ids=str)
def test_wishes_that_it_cannot_meet_are_refused(wishes: Wishes) -> None:
    with pytest.raises(PortError, match="SpikerShield"):
        spikerbox(wishes)


@pytest.mark.parametrize("counts", [[0] * 4, [[0] * 7], [[-1]], [[1 << 14]]])
def test_counts_that_do_not_fit_are_refused(counts: list) -> None:
    with pytest.raises(ValueError, match="counts must"):
        encode(counts)
