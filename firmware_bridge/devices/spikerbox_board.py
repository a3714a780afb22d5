"""Commands in, messages and frames out: a SpikerShield or SpikerBox, playing a recording."""

import numpy as np
from numpy.typing import NDArray

from firmware_bridge.boards import Board
from firmware_bridge.devices import spikerbox
from firmware_bridge.frames import Stream, Wishes

_LONGEST_COMMAND = 64  # bytes


class SpikerboxBoard(Board):
    """Plays counts (time, channel) as frames, one a sample, from power-on; see Board.

    It sends the channels of its stream, whatever it is told. Which board it is follows from the
    range of its stream.
    """

    device = spikerbox.spikerbox(Wishes())
    takes = ("rate_hz", "channels")

    def __init__(
        self, counts: NDArray[np.int32], stream: Stream | None = None, *, loop: bool = False
    ) -> None:
        super().__init__(counts, stream or self.streams(Wishes()), loop=loop)
        self.streaming = True
        self._name = next(
            kind.name
            for kind in spikerbox.KINDS
            if self.stream.highest_count == (1 << kind.bits) - 1
        ).encode()
        self._command = b""

    @classmethod
    def streams(cls, wishes: Wishes) -> Stream:
        """As in Board."""
        spikerbox.spikerbox(wishes)
        return spikerbox.stream_of(spikerbox.KINDS[0], wishes.channels or 1, wishes.rate_hz)

    def answer(self, command: bytes) -> tuple[bytes, float]:
        """As in Board; a command is a line, and the reply a message among the samples."""
        if command != b"\n":
            self._command = (self._command + command)[-_LONGEST_COMMAND:]
            return b"", 0.0
        line, self._command = self._command + command, b""
        if line != spikerbox.WHICH_BOARD:
            return b"", 0.0
        text = b"HWT:%s;" % self._name
        return spikerbox.MESSAGE_BEGINS + text + spikerbox.MESSAGE_ENDS, 0.0

    def wire(self, counts: NDArray[np.int32], first_counter: int) -> list[bytes]:
        """As in Board."""
        return spikerbox.encode(counts, first_counter)

    def restart(self) -> bytes:
        """As in Board; it goes on by itself."""
        super().restart()
        self.streaming = True
        return b""
