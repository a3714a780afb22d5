"""Backyard Brains SpikerShield and SpikerBox: two bytes a sample in, frames out, and back.

    0x80 | value >> 7, value & 0x7F, then value >> 7, value & 0x7F for each further channel

Layout, commands and the messages inside the stream: Spike-Recorder, and the guide for USB
communication. There is no counter and no checksum: only the first byte of a frame has its high bit
set. So a loss cannot be seen, and a changed byte only where it leaves the range.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgeemg.errors import PortError
from firmware_bridge.frames import Ask, Device, Frames, Stream, Wishes, refuse_wishes
from firmware_bridge.sliding import SlidingReader, Table

MESSAGE_BEGINS = b"\xff\xff\x01\x01\x80\xff"
MESSAGE_ENDS = b"\xff\xff\x01\x01\x81\xff"
WHICH_BOARD = b"b:;\n"
_NAME_BEGINS = b"HWT:"
_TITLE = "Backyard Brains SpikerShield"
_MOST_CHANNELS = 6
_LONGEST_MESSAGE = 256  # bytes; more without an end is no message
_MOST_IN_A_ROW = 16  # frames that prove each other, at the start and after long noise
_FIRST = 0x80  # bit of the first byte of a frame


@dataclass(frozen=True, slots=True)
class Kind:
    """One board, by the `HWT:` of its message.

    rate_hz  of all channels together where `shared`, else of each
    volts    at which its converter ends
    """

    name: str
    bits: int
    rate_hz: float
    shared: bool
    volts: float


# Spike-Recorder; the volts of an UNO, and 3.3 V taken for what is no UNO
KINDS = (
    Kind("MUSCLESS", 10, 10_000, True, 5.0),
    Kind("HEARTSS", 10, 10_000, True, 5.0),
    Kind("PLANTSS", 10, 10_000, True, 5.0),
    Kind("HUMANSB", 14, 5_000, False, 3.3),
)


class SpikerboxReader(SlidingReader):
    """Finds frames by their first bytes, and takes messages out of the stream; see FrameReader.

    said      what the board said in the greeting: its name may be in there

    about          the name of the board, where it says it
    messages       the last texts that came inside the stream
    message_bytes  all that they took
    """

    def __init__(
        self, said: bytes = b"", *, channels: int = 1, rate_hz: float | None = None
    ) -> None:
        super().__init__(2 * channels, longest_proof=_MOST_IN_A_ROW)
        kind = _kind(said)
        self.stream: Stream | None = stream_of(kind, channels, rate_hz)
        self.messages: deque[bytes] = deque(maxlen=16)
        self.message_bytes = 0
        self.about = kind.name if _is_named(kind, said) else ""
        self._highest = ((1 << kind.bits) - 1) >> 7  # that the upper half of a sample can be
        self._waiting = b""  # what may be a message
        self._sent = 0

    @property
    def held_bytes(self) -> int:
        """Bytes that wait for more."""
        return len(self._waiting) + super().held_bytes

    def feed(self, chunk: bytes) -> list[Frames]:
        """The frames that this chunk completes: counts (n, channel)."""
        return [self._decoded(run) for run in self._find(self._without_messages(chunk))]

    def _looks(self, table: Table) -> NDArray[np.bool_]:
        # below 0x80 the difference goes round, beyond any highest
        upper, lower = table[:, ::2], table[:, 1::2]
        first = upper[:, 0] - np.uint8(_FIRST)
        good: NDArray[np.bool_] = (first <= self._highest) & (lower < _FIRST).all(axis=1)
        return good & (upper[:, 1:] <= self._highest).all(axis=1)

    def _proof(self, rejected: int | None, step: int) -> int:  # noqa: ARG002  # it has no counter
        if rejected is None:
            return _MOST_IN_A_ROW
        return min(1 + rejected // (16 * self._frame_bytes), _MOST_IN_A_ROW)

    def _without_messages(self, chunk: bytes) -> bytes:
        """The stream, up to where a message may have begun that is not over."""
        buffer = self._waiting + chunk
        samples = b""
        begins = buffer.find(MESSAGE_BEGINS)
        while begins >= 0:
            text = begins + len(MESSAGE_BEGINS)
            ends = buffer.find(MESSAGE_ENDS, text, text + _LONGEST_MESSAGE + len(MESSAGE_ENDS))
            if ends < 0 and len(buffer) < text + _LONGEST_MESSAGE + len(MESSAGE_ENDS):
                self._waiting = buffer[begins:]
                return samples + buffer[:begins]
            samples += buffer[:begins] if ends >= 0 else buffer[:text]
            if ends >= 0:
                self.messages.append(buffer[text:ends])
                text = ends + len(MESSAGE_ENDS)
                self.message_bytes += text - begins
            buffer = buffer[text:]
            begins = buffer.find(MESSAGE_BEGINS)
        kept = next(
            n for n in range(len(MESSAGE_BEGINS) - 1, -1, -1) if buffer.endswith(MESSAGE_BEGINS[:n])
        )
        self._waiting = buffer[len(buffer) - kept :]
        return samples + buffer[: len(buffer) - kept]

    def _decoded(self, run: Table) -> Frames:
        counts = (run[:, ::2] & 0x7F).astype(np.int32) << 7 | run[:, 1::2]
        number = np.arange(self._sent, self._sent + len(run), dtype=np.int64)
        self._sent += len(run)
        return Frames(number, counts.astype(np.int32))


def _kind(said: bytes) -> Kind:
    return next((kind for kind in KINDS if _is_named(kind, said)), KINDS[0])


def _is_named(kind: Kind, said: bytes) -> bool:
    return _NAME_BEGINS + kind.name.encode() in said


def stream_of(kind: Kind, channels: int, rate_hz: float | None = None) -> Stream:
    """What this board sends. Microvolts are at the converter: the gain is a knob on the board."""
    return Stream(
        sample_rate_hz=rate_hz or kind.rate_hz / (channels if kind.shared else 1),
        n_channels=channels,
        microvolts_per_count=kind.volts / (1 << kind.bits) * 1e6,
        lowest_count=0,
        highest_count=(1 << kind.bits) - 1,
        turn=0,
        zero_count=1 << (kind.bits - 1),
    )


def encode(counts: ArrayLike, first_counter: int = 0) -> list[bytes]:  # noqa: ARG001  # it has none
    """(time, channel) counts -> frames, one a sample; `first_counter` is not sent.

    Raises ValueError for counts of another shape, or beyond 14 bits.
    """
    table: NDArray[np.int64] = np.asarray(counts, dtype=np.int64)
    if table.ndim != 2 or not 1 <= table.shape[1] <= _MOST_CHANNELS:
        raise ValueError(f"counts must be (time, 1..{_MOST_CHANNELS}), got {table.shape}")
    if table.size and (table.min() < 0 or table.max() >= 1 << 14):
        raise ValueError(f"counts must be in 0..16383, got {table.min()}..{table.max()}")
    frames = np.empty((len(table), 2 * table.shape[1]), np.uint8)
    frames[:, ::2] = table >> 7
    frames[:, 1::2] = table & 0x7F
    frames[:, 0] |= _FIRST
    return [row.tobytes() for row in frames]


def configure(channels: int) -> bytes:
    """The command that sets how many channels it sends."""
    return b"conf s:10000;c:%d;\n" % channels


def spikerbox(wishes: Wishes) -> Device:
    """A SpikerShield on an UNO, or a SpikerBox. Raises PortError for an impossible wish."""
    refuse_wishes(_TITLE, wishes, "rate_hz", "channels")
    channels = wishes.channels or 1
    if channels > _MOST_CHANNELS:
        raise PortError(f"--sensor-channels {channels}: a {_TITLE} has {_MOST_CHANNELS} at most")
    return Device(
        name="spikerbox",
        title=_TITLE,
        # an AVR that is set to 230400 baud sends at 222222
        bauds=(222222, 500000),
        hello=(
            # the reply comes among samples, older firmware gives none, and an UNO is deaf at first
            Ask(
                WHICH_BOARD,
                begins=_NAME_BEGINS,
                ends=MESSAGE_ENDS,
                within_s=2.5,
                again_s=0.5,
                optional=True,
            ),
            Ask(configure(channels), within_s=0.5),
        ),
        goodbye=b"",
        check="its firmware is that for Spike Recorder",
        loss="not seen: its samples carry no number",
        reader=lambda said: SpikerboxReader(said, channels=channels, rate_hz=wishes.rate_hz),
        poke=configure(channels),
    )
