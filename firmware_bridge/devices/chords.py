"""Upside Down Labs Chords boards: frames of 10 to 16 bit samples in, frames out, and back.

    0xC7 0x7C | counter | channels x uint16 big-endian | 0x01

Layout, commands and replies: Chords-Arduino-Firmware; how the firmware behaves was seen by running
it (PROTOCOL.md). No checksum; but up to 14 bits the marks cannot occur in data.
"""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgeemg.errors import PortError
from firmware_bridge.frames import Ask, Device, Frames, Stream, Wishes, refuse_wishes
from firmware_bridge.sliding import SlidingReader, Table

WHO = b"WHORU\n"
START = b"START\n"
STOP = b"STOP\n"

HEAD = b"\xc7\x7c"
END = 0x01
_AROUND = 4  # bytes of a frame that are no samples
_MOST_CHANNELS = 32
_SAME = 4  # equal distances in a row that make a frame length
_TITLE = "Chords board"
_TURN = 256


@dataclass(frozen=True, slots=True)
class Kind:
    """One board, by its reply to WHORU.

    channels  None: the board does not say, and may send 3 or 6
    bits      of its converter
    volts     at which the converter ends
    """

    name: str
    channels: int | None
    bits: int
    rate_hz: float
    volts: float


# firmware repository and README of 2026; volts are those of the microcontroller
KINDS = (
    Kind("UNO-R3", 6, 10, 250, 5.0),
    Kind("GENUINO-UNO", 6, 10, 250, 5.0),
    Kind("UNO-CLONE", 6, 10, 250, 5.0),
    Kind("NANO-CLASSIC", 8, 10, 250, 5.0),
    Kind("NANO-CLONE", 8, 10, 250, 5.0),
    Kind("MEGA-2560-R3", 16, 10, 250, 5.0),
    Kind("MEGA-2560-CLONE", 16, 10, 250, 5.0),
    Kind("UNO-R4", 6, 14, 500, 5.0),
    Kind("RPI-PICO-RP2040", 3, 12, 500, 3.3),
    Kind("NPG-LITE", None, 12, 500, 3.3),
    Kind("STM32F4-BLACK-PILL", 8, 12, 500, 3.3),
    Kind("STM32G4-CORE-BOARD", 16, 12, 500, 3.3),
    Kind("GIGA-R1", 6, 16, 500, 3.3),
)


def stream_of(kind: Kind, channels: int) -> Stream:
    """What this board sends.

    Microvolts are at the converter: the amplifier in front is a choice of who built it.
    """
    return Stream(
        sample_rate_hz=kind.rate_hz,
        n_channels=channels,
        microvolts_per_count=kind.volts / (1 << kind.bits) * 1e6,
        lowest_count=0,
        highest_count=(1 << kind.bits) - 1,
        turn=_TURN,
        zero_count=1 << (kind.bits - 1),
    )


class ChordsReader(SlidingReader):
    """Finds frames by their marks, their counter and the range of the converter; see FrameReader.

    said    what the board said in the greeting: its name is in there
    wishes  rate and channels, for a board that is not in the table

    Where the number of channels is not known, it is learned from the distance of the marks, and
    what came before that is rejected. Raises PortError where neither board nor wishes give a rate,
    or a wish contradicts the board.
    """

    def __init__(self, said: bytes, wishes: Wishes = Wishes()) -> None:  # noqa: B008  # frozen
        super().__init__(0, turn=_TURN, head=HEAD, further=_TURN // 8)
        self.stream: Stream | None = None
        self._kind = _kind(said, wishes)
        self._highest = ((1 << self._kind.bits) - 1) >> 8  # that an upper byte can be
        channels = self._kind.channels or wishes.channels
        if channels is not None:
            self._begin(channels)

    @property
    def about(self) -> str:
        """The name of the board."""
        return self._kind.name

    def feed(self, chunk: bytes) -> list[Frames]:
        """The frames that this chunk completes: counts (n, channel)."""
        if self.stream is None:
            chunk = self._learn(chunk)
        if self.stream is None:
            return []
        return [_decoded(run) for run in self._find(chunk)]

    def _looks(self, table: Table) -> NDArray[np.bool_]:
        marked = (table[:, 0] == HEAD[0]) & (table[:, 1] == HEAD[1]) & (table[:, -1] == END)
        good: NDArray[np.bool_] = marked & (table[:, 3:-1:2] <= self._highest).all(axis=1)
        return good

    def _counters(self, table: Table) -> NDArray[np.int64]:
        return table[:, 2].astype(np.int64)

    def _proof(self, rejected: int | None, step: int) -> int:
        return self._proof_by_room(rejected, step)

    def _begin(self, channels: int) -> None:
        self.stream = stream_of(self._kind, channels)
        self._frame_bytes = _AROUND + 2 * channels

    def _learn(self, chunk: bytes) -> bytes:
        """Look for marks at equal distances; what is to be read once they are found."""
        buffer, self._held = self._held + chunk, b""
        marks: list[int] = []
        at = buffer.find(HEAD)
        while at >= 0:
            marks = [*marks, at] if not marks or _is_frame(buffer, marks, at) else [at]
            if len(marks) > _SAME:
                self._reject(buffer, 0, marks[0])
                self._begin((marks[1] - marks[0] - _AROUND) // 2)
                return buffer[marks[0] :]
            at = buffer.find(HEAD, at + 1)
        longest = _AROUND + 2 * _MOST_CHANNELS
        # a mark whose frame would be too long by now cannot be the first one any more
        keep = marks[0] if marks and len(buffer) - marks[-1] < longest + 2 else len(buffer) - 1
        keep = max(keep, 0)
        self._reject(buffer, 0, keep)
        self._held = buffer[keep:]
        return b""


def _is_frame(buffer: bytes, marks: list[int], at: int) -> bool:
    """Whether a frame ends where the mark at `at` begins, as long as those before it."""
    size = at - marks[-1]
    if size % 2 or not _AROUND < size <= _AROUND + 2 * _MOST_CHANNELS or buffer[at - 1] != END:
        return False
    return len(marks) < 2 or size == marks[1] - marks[0]


def _kind(said: bytes, wishes: Wishes) -> Kind:
    named = [kind for kind in KINDS if kind.name.encode() in said]
    if not named:
        return _unknown(said, wishes)
    kind = max(named, key=lambda one: len(one.name))
    for flag, wish, fact in (
        ("--rate", wishes.rate_hz, kind.rate_hz),
        ("--sensor-channels", wishes.channels, kind.channels),
    ):
        if None not in (wish, fact) and wish != fact:
            raise PortError(f"{flag} {wish:g}: the board is a {kind.name}, which sends {fact:g}")
    return kind


def _unknown(said: bytes, wishes: Wishes) -> Kind:
    """A board that is not in the table: any count is taken, at a scale that is a guess."""
    names = re.findall(rb"[A-Za-z][\w. -]{2,40}", said)
    name = names[-1].decode().strip() if names else "no name"
    if wishes.rate_hz is None:
        raise PortError(
            f"a {_TITLE} that says {name!r} is not known: give its samples a second with --rate"
        )
    return Kind(name, None, 16, wishes.rate_hz, 3.3)


def _decoded(run: Table) -> Frames:
    samples = np.ascontiguousarray(run[:, 3:-1]).view(">u2")
    return Frames(run[:, 2].astype(np.int64), samples.astype(np.int32))


def encode(counts: ArrayLike, first_counter: int = 0) -> list[bytes]:
    """(time, channel) counts -> frames as a board sends them, one a sample.

    first_counter  counter of the first frame, taken modulo 256; the others follow it
    Raises ValueError for counts of another shape, or beyond 16 bits.
    """
    table: NDArray[np.int64] = np.asarray(counts, dtype=np.int64)
    if table.ndim != 2 or not 1 <= table.shape[1] <= _MOST_CHANNELS:
        raise ValueError(f"counts must be (time, 1..{_MOST_CHANNELS}), got {table.shape}")
    if table.size and (table.min() < 0 or table.max() > 0xFFFF):
        raise ValueError(f"counts must be in 0..65535, got {table.min()}..{table.max()}")
    samples = table.astype(">u2")
    return [
        HEAD + bytes([(first_counter + n) % _TURN]) + row.tobytes() + bytes([END])
        for n, row in enumerate(samples)
    ]


def chords(wishes: Wishes) -> Device:
    """A board with Chords firmware. Raises PortError for a wish that it cannot meet."""
    refuse_wishes(_TITLE, wishes, "rate_hz", "channels")
    return Device(
        name="chords",
        title=_TITLE,
        # generations of the firmware differ, for the UNO R3 too
        bauds=(230400, 115200),
        hello=(
            # an earlier run may have left it streaming; a command is over after up to a second
            # without a byte, and what comes sooner is taken for its end
            Ask(STOP, within_s=4.0, quiet_s=1.2),
            # AVR boards answer only after that second, and sleep through their reset
            Ask(WHO, ends=b"\n", within_s=5.0, again_s=1.6, ignored=(b"", b"UNKNOWN COMMAND")),
            Ask(START),
        ),
        goodbye=STOP,
        check="its firmware is that for Chords, and nothing else is connected to it",
        loss="seen: every sample is counted, modulo 256",
        reader=lambda said: ChordsReader(said, wishes),
        # no poke: each START begins the counter anew, and two within a second are none
    )
