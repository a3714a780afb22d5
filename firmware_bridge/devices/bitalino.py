"""BITalino (r)evolution: frames of 3 to 8 bytes in, frames out, and back.

From the last byte on: sequence(4) crc(4) | I1 I2 O1 O2 A1... , samples of 10 bits, the fifth and
sixth of 6. Layout and commands: BITalino's revolution-python-api. A checksum of 4 bits lets one
damaged frame in 16 through, so frames prove each other (PROTOCOL.md).
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgeemg.errors import PortError
from firmware_bridge.frames import Ask, Device, Frames, Stream, Wishes, refuse_wishes
from firmware_bridge.sliding import SlidingReader, Table

VERSION = b"\x07"
STOP = b"\x00"
RATES_HZ = (1, 10, 100, 1000)  # in the order of their code
MOST_CHANNELS = 6
TURN = 16
_TITLE = "BITalino"
_SIX_BITS_FROM = 4  # channels; these two come with 6 bits, at the top of the 10
_STANDING = 4  # frames damaged in a row behind which a frame is known by its place
_MOST_IN_A_ROW = 8  # frames that prove each other, at the start and after long noise


def _crc_tables(most_bytes: int = 8) -> NDArray[np.uint8]:
    """(most_bytes, 256): what a byte adds to the checksum, so many bytes before the last one.

    The checksum is the remainder by x^4 + x + 1 of a frame whose last four bits are 0.
    """
    remainders = [1]  # of each power of x
    while len(remainders) < 8 * most_bytes:
        doubled = remainders[-1] << 1
        remainders.append(doubled ^ 0x13 if doubled & 0x10 else doubled)
    byte = np.arange(256)
    tables = np.zeros((most_bytes, 256), np.uint8)
    for power, remainder in enumerate(remainders):
        tables[power // 8] ^= ((byte >> power % 8 & 1) * remainder).astype(np.uint8)
    return tables


_CRC = _crc_tables()


def frame_bytes(channels: int) -> int:
    """Bytes of a frame with so many channels."""
    bits = 12 + 10 * channels if channels <= _SIX_BITS_FROM else 52 + 6 * (channels - 4)
    return -(-bits // 8)


def crc4(table: Table) -> NDArray[np.uint8]:
    """(n, bytes) frames -> (n,) checksum over all but their last four bits."""
    clean = np.array(table)
    clean[:, -1] &= 0xF0
    places = np.arange(table.shape[1] - 1, -1, -1)
    checked: NDArray[np.uint8] = np.bitwise_xor.reduce(_CRC[places, clean], axis=1)
    return checked


def _ends_at(channel: int) -> int:
    """Bits from the top of the frame to the end of this channel."""
    return 12 + 10 * min(channel + 1, 4) + 6 * max(channel - 3, 0)


_BELOW = np.array([64 - _ends_at(channel) for channel in range(MOST_CHANNELS)], np.uint64)
_MASK = np.array([0x3FF] * 4 + [0x3F] * 2, np.uint64)


class BitalinoReader(SlidingReader):
    """Finds frames by checksum and sequence; see FrameReader."""

    def __init__(self, rate_hz: float = 1000, channels: int = MOST_CHANNELS) -> None:
        super().__init__(frame_bytes(channels), turn=TURN, longest_proof=_MOST_IN_A_ROW)
        self.stream: Stream | None = stream_of(rate_hz, channels)
        self._channels = channels

    def feed(self, chunk: bytes) -> list[Frames]:
        """The frames that this chunk completes: counts (n, channel) of 10 bits."""
        return [_decoded(run, self._channels) for run in self._find(chunk)]

    def _looks(self, table: Table) -> NDArray[np.bool_]:
        good: NDArray[np.bool_] = crc4(table) == table[:, -1] & 0x0F
        return good

    def _counters(self, table: Table) -> NDArray[np.int64]:
        return (table[:, -1] >> 4).astype(np.int64)

    def _proof(self, rejected: int | None, step: int) -> int:
        if rejected is None:
            return _MOST_IN_A_ROW
        size = self._frame_bytes
        damaged = round(rejected / size)
        # it stands where it would if they were not, but for a byte lost or added in each
        in_place = damaged <= _STANDING and abs(damaged * size - rejected) <= damaged
        if in_place and damaged and step == damaged + 1:
            return 1
        if in_place:
            return 2
        return min(3 + rejected // (8 * size), _MOST_IN_A_ROW)


def _decoded(run: Table, channels: int) -> Frames:
    whole = np.zeros((len(run), 8), np.uint8)
    whole[:, 8 - run.shape[1] :] = run
    # the last byte stands at the top of 64 bits: samples follow from there down
    counts = (whole.view("<u8") >> _BELOW[:channels] & _MASK[:channels]).astype(np.int32)
    six = counts[:, _SIX_BITS_FROM:]
    # spread to 10 bits, so that both ends of the range stay the ends
    counts[:, _SIX_BITS_FROM:] = six << 4 | six >> 2
    return Frames((run[:, -1] >> 4).astype(np.int64), counts)


def stream_of(rate_hz: float, channels: int) -> Stream:
    """What it sends. Microvolts are at the electrode, where an EMG sensor is on the channel."""
    return Stream(
        sample_rate_hz=rate_hz,
        n_channels=channels,
        # PLUX, EMG sensor data sheet: 3.3 V, gain 1009
        microvolts_per_count=3.3 / 1009 / 1024 * 1e6,
        lowest_count=0,
        highest_count=1023,
        turn=TURN,
        zero_count=512,
    )


def encode(counts: ArrayLike, first_counter: int = 0, *, digital: int = 0) -> list[bytes]:
    """(time, channel) counts -> frames, one a sample.

    first_counter  sequence of the first frame, taken modulo 16; the others follow it
    digital        the four digital lines, I1 highest
    Raises ValueError for counts of another shape, or beyond 10 bits. The fifth and sixth channel
    keep their upper 6 bits.
    """
    table: NDArray[np.int64] = np.asarray(counts, dtype=np.int64)
    if table.ndim != 2 or not 1 <= table.shape[1] <= MOST_CHANNELS:
        raise ValueError(f"counts must be (time, 1..{MOST_CHANNELS}), got {table.shape}")
    if table.size and (table.min() < 0 or table.max() > 1023):
        raise ValueError(f"counts must be in 0..1023, got {table.min()}..{table.max()}")
    size = frame_bytes(table.shape[1])
    top = 8 * size
    number = np.full(len(table), digital << (top - 12), np.uint64)
    sequence = (first_counter + np.arange(len(table))) % TURN
    number |= sequence.astype(np.uint64) << np.uint64(top - 4)
    for channel, column in enumerate(table.T.astype(np.uint64)):
        value = column >> np.uint64(4) if channel >= _SIX_BITS_FROM else column
        number |= value << np.uint64(top - _ends_at(channel))
    frames = number.astype("<u8").view(np.uint8).reshape(-1, 8)[:, :size].copy()
    frames[:, -1] |= crc4(frames)
    return [row.tobytes() for row in frames]


def rate_command(rate_hz: float) -> bytes:
    """Sets the rate, one of RATES_HZ."""
    return bytes([RATES_HZ.index(int(rate_hz)) << 6 | 0x03])


def start_command(channels: int) -> bytes:
    """Starts the first so many channels."""
    return bytes([((1 << channels) - 1) << 2 | 0x01])


def bitalino(wishes: Wishes) -> Device:
    """A BITalino over its Bluetooth port. Raises PortError for a wish that it cannot meet."""
    refuse_wishes(_TITLE, wishes, "rate_hz", "channels")
    rate_hz, channels = wishes.rate_hz or 1000, wishes.channels or MOST_CHANNELS
    if rate_hz not in RATES_HZ:
        raise PortError(f"--rate {rate_hz:g}: a {_TITLE} sends at 1, 10, 100 or 1000 Hz")
    if channels > MOST_CHANNELS:
        raise PortError(f"--sensor-channels {channels}: a {_TITLE} has {MOST_CHANNELS}")
    pause = Ask(b"", within_s=0.1)  # it wants 100 ms between commands
    return Device(
        name="bitalino",
        title=_TITLE,
        bauds=(115200,),
        hello=(
            Ask(STOP, within_s=0.5),
            Ask(VERSION, begins=b"BITalino", ends=b"\n", within_s=2.0),
            pause,
            Ask(rate_command(rate_hz), within_s=0.1),
            pause,
            Ask(start_command(channels)),
        ),
        goodbye=STOP,
        check="it is switched on, charged and bound to this port (rfcomm bind)",
        loss="seen: every sample is counted, modulo 16, which is 16 ms at 1000 Hz",
        reader=lambda _: BitalinoReader(rate_hz, channels),
        stream=stream_of(rate_hz, channels),
        poke=start_command(channels),
    )
