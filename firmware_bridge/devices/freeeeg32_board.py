"""Counts in, packets out: a FreeEEG32 without the hardware, playing a recording."""

import numpy as np
from numpy.typing import NDArray

from firmware_bridge.boards import Board
from firmware_bridge.devices import freeeeg32
from firmware_bridge.frames import Stream, Wishes


class FreeEeg32Board(Board):
    """Plays counts (time, 32) as packets, one a sample, from power-on; see Board."""

    device = freeeeg32.freeeeg32(Wishes())
    takes = ("rate_hz",)

    def __init__(
        self, counts: NDArray[np.int32], stream: Stream = freeeeg32.STREAM, *, loop: bool = False
    ) -> None:
        super().__init__(counts, stream, loop=loop)
        self.streaming = True

    @classmethod
    def streams(cls, wishes: Wishes) -> Stream:
        """As in Board."""
        return freeeeg32.stream_for(wishes)

    def wire(self, counts: NDArray[np.int32], first_counter: int) -> list[bytes]:
        """As in Board."""
        return freeeeg32.encode(counts, first_counter)

    def restart(self) -> bytes:
        """As in Board; it prints nothing, and streams again."""
        super().restart()
        self.streaming = True
        return b""
