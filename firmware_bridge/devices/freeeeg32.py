"""FreeEEG32: packets of 32 channels in, frames out, and back.

    0xA0 | counter | 32 x int24 big-endian | what the build adds | 0xC0

The board's usual build adds an accelerometer's 6 bytes: 105 in all. Others exist, so the length is
learned from the stream. Layout and scale: BrainFlow's freeeeg32.cpp, neuroidss/FreeEEG32-beta.
"""

from dataclasses import replace
from functools import partial
from itertools import pairwise

from numpy.typing import ArrayLike

from firmware_bridge.frames import Device, Frames, Stream, Wishes, refuse_wishes
from firmware_bridge.packets import (
    COUNTER_TURN,
    FOOTER,
    HEAD,
    HIGHEST_COUNT,
    NEXT,
    PacketReader,
    counters_of,
    counts_of,
    write_packets,
)

CHANNELS = 32
PACKET_BYTES = 105
_SHORTEST = 2 + 3 * CHANNELS + 1  # nothing added
_LONGEST = 128
_LENGTHS = range(_SHORTEST, _LONGEST + 1)
_TO_LEARN = 2 * _LONGEST + 2  # bytes: two packets, and the head and counter of a third

STREAM = Stream(
    sample_rate_hz=512.0,
    n_channels=CHANNELS,
    # AD7779 data sheet, with the board's reference of 2.5 V and its gain of 8; as BrainFlow
    microvolts_per_count=2.5 / 8 / HIGHEST_COUNT * 1e6,
    lowest_count=-HIGHEST_COUNT,
    highest_count=HIGHEST_COUNT,
    turn=COUNTER_TURN,
)


class FreeEeg32Reader(PacketReader):
    """Learns how long a packet is from the first three that agree; see FrameReader.

    Holds `_TO_LEARN` bytes at most until then.
    """

    def __init__(self, greeting: bytes = b"", *, stream: Stream = STREAM) -> None:  # noqa: ARG002  # it says nothing
        super().__init__(_LONGEST)
        self.stream = stream
        self._learned = False
        self._unread = b""

    @property
    def held_bytes(self) -> int:
        """Bytes that wait for the rest of their packet, or for the first ones to be understood."""
        return super().held_bytes + len(self._unread)

    def feed(self, chunk: bytes) -> list[Frames]:
        """The packets that this chunk completes: counts (n, 32), in stretches without noise."""
        if not self._learned:
            self._unread += chunk
            chunk = self._learn()
        return [Frames(counters_of(run), counts_of(run, CHANNELS)) for run in self.packets(chunk)]

    def _learn(self) -> bytes:
        """What is to be read as packets: nothing, until their length is known."""
        buffer = self._unread
        at = self._to_head(buffer, 0)
        while at + _TO_LEARN <= len(buffer):
            length = _length(buffer, at)
            if length is not None:
                self._size, self._learned, self._unread = length, True, b""
                return buffer[at:]
            self._reject(1)
            at = self._to_head(buffer, at + 1)
        self._unread = buffer[at:]
        return b""


def _length(buffer: bytes, at: int) -> int | None:
    """Of the packet that begins here, if two more follow it and count on."""
    second = buffer.find(HEAD, at + _SHORTEST, at + _LONGEST + 1)
    while second >= 0:
        third = 2 * second - at
        ends = {buffer[second - 1], buffer[third - 1]}
        if buffer[third] == HEAD and ends == {FOOTER} and _count_on(buffer, at, second, third):
            return second - at
        second = buffer.find(HEAD, second + 1, at + _LONGEST + 1)
    return None


def _count_on(buffer: bytes, *heads: int) -> bool:
    steps = ((buffer[b + 1] - buffer[a + 1]) % COUNTER_TURN for a, b in pairwise(heads))
    return all(step in NEXT for step in steps)


def encode(
    counts: ArrayLike, first_counter: int = 0, *, packet_bytes: int = PACKET_BYTES
) -> list[bytes]:
    """(time, 32) counts -> packets, one a sample, what the build adds zero.

    first_counter  counter of the first packet, taken modulo 256; the others follow it
    packet_bytes   99 to 128
    Raises ValueError for counts of another shape, or beyond 24 bits, or another length.
    """
    if packet_bytes not in _LENGTHS:
        raise ValueError(f"packet_bytes must be in {_SHORTEST}..{_LONGEST}, got {packet_bytes}")
    return write_packets(counts, first_counter, channels=CHANNELS, packet_bytes=packet_bytes)


def stream_for(wishes: Wishes) -> Stream:
    """What it sends. Raises PortError for a wish that it cannot meet."""
    refuse_wishes("FreeEEG32", wishes, "rate_hz")
    return replace(STREAM, sample_rate_hz=wishes.rate_hz or STREAM.sample_rate_hz)


def freeeeg32(wishes: Wishes) -> Device:
    """A FreeEEG32; its rate is that of its build, 512 Hz unless --rate says another.

    Raises PortError for a wish that it cannot meet.
    """
    stream = stream_for(wishes)
    return Device(
        name="freeeeg32",
        title="FreeEEG32",
        bauds=(921600,),
        hello=(),  # it streams from power-on, and takes no commands
        goodbye=b"",
        check="the board has power, and its USB serial port is the one that is named",
        loss="seen: every packet is counted",
        reader=partial(FreeEeg32Reader, stream=stream),
        stream=stream,
    )
