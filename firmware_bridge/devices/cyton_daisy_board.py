"""Commands in, replies and packets out: a Cyton with Daisy without the hardware."""

import numpy as np
from numpy.typing import NDArray

from firmware_bridge.devices import cyton, cyton_daisy
from firmware_bridge.devices.cyton_board import BANNER_WITH_DAISY, CytonBoard
from firmware_bridge.frames import Stream, Wishes


class CytonDaisyBoard(CytonBoard):
    """Plays counts (time, 16) as packets, two a sample; see CytonBoard."""

    device = cyton_daisy.cyton_daisy(Wishes())
    frames_per_sample = 2
    banner = BANNER_WITH_DAISY
    to_attach_daisy = b"16$$$"

    def __init__(
        self, counts: NDArray[np.int32], stream: Stream = cyton_daisy.STREAM, *, loop: bool = False
    ) -> None:
        super().__init__(counts, stream, loop=loop)

    @classmethod
    def streams(cls, wishes: Wishes) -> Stream:
        """As in Board."""
        gain = cyton.wished_gain(cls.device.title, wishes)
        return cyton_daisy.stream_at(gain or cyton.DEFAULT_GAIN)

    def wire(self, counts: NDArray[np.int32], first_counter: int) -> list[bytes]:
        """As in Board."""
        return cyton_daisy.encode(self.at_its_gains(counts), first_counter)
