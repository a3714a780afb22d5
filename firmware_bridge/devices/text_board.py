"""Lines of numbers out: a microcontroller with a sketch that prints, playing a recording."""

import numpy as np
from numpy.typing import NDArray

from firmware_bridge.boards import Board
from firmware_bridge.devices import text
from firmware_bridge.frames import Stream, Wishes

_BANNER = b"READY\r\n"  # of the Somach sketches
_DEFAULT_HZ, _DEFAULT_CHANNELS = 250.0, 2


class TextBoard(Board):
    """Plays counts (time, channel) as lines with a clock in front, from power-on; see Board.

    The clock counts milliseconds where samples fall on them, else microseconds.
    """

    device = text.text(Wishes())
    takes = ("rate_hz", "channels")

    def __init__(self, counts: NDArray[np.int32], stream: Stream, *, loop: bool = False) -> None:
        super().__init__(counts, stream, loop=loop)
        self.streaming = True
        millis = 1e3 / stream.sample_rate_hz
        self._ticks = round(millis) if millis.is_integer() else round(1e3 * millis)

    @classmethod
    def streams(cls, wishes: Wishes) -> Stream:
        """As in Board."""
        rate_hz = wishes.rate_hz or _DEFAULT_HZ
        return text.stream_of(rate_hz, wishes.channels or _DEFAULT_CHANNELS, clock=True)

    def wire(self, counts: NDArray[np.int32], first_counter: int) -> list[bytes]:
        """As in Board."""
        return text.encode(counts, first_counter, ticks=self._ticks)

    def restart(self) -> bytes:
        """As in Board; it prints its banner and goes on."""
        super().restart()
        self.streaming = True
        return _BANNER
