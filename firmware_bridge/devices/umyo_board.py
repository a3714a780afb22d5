"""Records out: a uMyo and its USB base without the hardware, playing a recording."""

import numpy as np
from numpy.typing import NDArray

from firmware_bridge.boards import Board
from firmware_bridge.devices import umyo
from firmware_bridge.frames import Stream, Wishes


class UmyoBoard(Board):
    """Plays counts (time, 1) as records of 8 samples, from power-on; see Board.

    Samples behind the last whole record are not played.
    """

    device = umyo.umyo(Wishes())
    samples_per_frame = umyo.SAMPLES
    takes = ("rate_hz",)

    def __init__(
        self, counts: NDArray[np.int32], stream: Stream | None = None, *, loop: bool = False
    ) -> None:
        whole = len(counts) - len(counts) % umyo.SAMPLES
        super().__init__(counts[:whole], stream or self.streams(Wishes()), loop=loop)
        self.streaming = True

    @classmethod
    def streams(cls, wishes: Wishes) -> Stream:
        """As in Board."""
        found = umyo.umyo(wishes).stream
        assert found is not None
        return found

    def wire(self, counts: NDArray[np.int32], first_counter: int) -> list[bytes]:
        """As in Board."""
        return umyo.encode(counts, first_counter)

    def restart(self) -> bytes:
        """As in Board; it goes on by itself."""
        super().restart()
        self.streaming = True
        return b""
