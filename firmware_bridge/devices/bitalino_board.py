"""Commands in, replies and frames out: a BITalino without the hardware, playing a recording."""

import numpy as np
from numpy.typing import NDArray

from firmware_bridge.boards import Board
from firmware_bridge.devices import bitalino
from firmware_bridge.frames import Stream, Wishes

_BANNER = b"BITalino_v5.2\n"
_START, _KIND_OF_COMMAND = 0x01, 0x03


class BitalinoBoard(Board):
    """Plays counts (time, channel) as frames, one a sample; see Board.

    It sends the channels and the rate of its stream, whatever a start command asks for.
    """

    device = bitalino.bitalino(Wishes())
    takes = ("rate_hz", "channels")

    @classmethod
    def streams(cls, wishes: Wishes) -> Stream:
        """As in Board."""
        found = bitalino.bitalino(wishes).stream
        assert found is not None
        return found

    def __init__(
        self, counts: NDArray[np.int32], stream: Stream | None = None, *, loop: bool = False
    ) -> None:
        super().__init__(counts, stream or self.streams(Wishes()), loop=loop)

    def answer(self, command: bytes) -> tuple[bytes, float]:
        """As in Board."""
        if command == bitalino.STOP:
            self.streaming = False
        elif command == bitalino.VERSION and not self.streaming:
            return _BANNER, 0.0
        elif command[0] & _KIND_OF_COMMAND == _START and not self.streaming:
            self.streaming, self.counter = True, 0
        return b"", 0.0

    def wire(self, counts: NDArray[np.int32], first_counter: int) -> list[bytes]:
        """As in Board."""
        return bitalino.encode(counts, first_counter)
