"""Commands in, replies and frames out: a Chords board without the hardware, playing a recording."""

import time

import numpy as np
from numpy.typing import NDArray

from edgeemg.errors import PortError
from firmware_bridge.boards import Board
from firmware_bridge.devices import chords
from firmware_bridge.frames import Stream, Wishes

_AVR_WAIT_S = 1.0  # Arduino's readString waits as long for more; seen on the firmware in simavr
_WAIT_S = 0.1
_LONGEST_COMMAND = 64  # bytes


class ChordsBoard(Board):
    """Plays counts (time, channel) as frames, one a sample; see Board.

    Which board it is follows from what it is to send: the first one of the table that does.
    """

    device = chords.chords(Wishes())
    takes = ("rate_hz", "channels")

    def __init__(self, counts: NDArray[np.int32], stream: Stream, *, loop: bool = False) -> None:
        super().__init__(counts, stream, loop=loop)
        self._kind = next(kind for kind, sent in _sent() if sent == stream)
        self._wait_s = _AVR_WAIT_S if self._kind.volts == 5.0 else _WAIT_S
        self._command = b""
        self._heard_s = 0.0

    @classmethod
    def streams(cls, wishes: Wishes) -> Stream:
        """As in Board: of the first board with this rate, and at least so many channels."""
        for _, stream in _sent():
            if wishes.rate_hz not in (None, stream.sample_rate_hz):
                continue
            if wishes.channels is None or wishes.channels <= stream.n_channels:
                return stream
        known = ", ".join(
            f"{kind.name} {one.n_channels} at {one.sample_rate_hz:g} Hz" for kind, one in _sent()
        )
        raise PortError(
            f"no Chords board sends {wishes.channels} channels at {wishes.rate_hz} Hz: {known}"
        )

    def answer(self, command: bytes) -> tuple[bytes, float]:
        """As in Board; a command is over when no more of it comes for a while."""
        self._command = (self._command + command)[-_LONGEST_COMMAND:]
        self._heard_s = time.monotonic()
        return b"", 0.0

    def idle(self) -> bytes:
        """As in Board: the reply to the command that is over."""
        if not self._command or time.monotonic() - self._heard_s < self._wait_s:
            return b""
        command, self._command = self._command.strip(), b""
        if command == b"START":
            # the firmware starts its counter anew each time; the world it measures goes on
            self.streaming, self.counter = True, 0
            return b""
        if command == b"STOP":
            self.streaming = False
            return b""
        if command == b"WHORU":
            return self._kind.name.encode() + b"\r\n"
        if command == b"STATUS":
            # into the middle of the frames, where it streams: so does the firmware
            return b"START\r\n" if self.streaming else b"STOP\r\n"
        return b"UNKNOWN COMMAND\r\n"

    def wire(self, counts: NDArray[np.int32], first_counter: int) -> list[bytes]:
        """As in Board."""
        return chords.encode(counts, first_counter)


def _sent() -> list[tuple[chords.Kind, Stream]]:
    return [
        (kind, chords.stream_of(kind, kind.channels))
        for kind in chords.KINDS
        if kind.channels is not None
    ]
