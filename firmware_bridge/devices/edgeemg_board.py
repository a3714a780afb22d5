"""Commands in, INFO and DATA out: a sensor of our own protocol without the hardware."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from firmware_bridge.boards import Board
from firmware_bridge.devices import edgeemg
from firmware_bridge.devices.edgeemg_encoder import encode, encode_info, info_of
from firmware_bridge.devices.edgeemg_frames import DELIMITER, TURN
from firmware_bridge.frames import Stream, Wishes

_INFO_S = 2.0  # of its own samples
_HIGHEST = (1 << 23) - 1


class EdgeemgBoard(Board):
    """Plays counts (time, channel) as DATA, with INFO every 2 s of samples; see Board.

    Its index counts the samples since boot, sent or not; with each boot it begins again, under a
    boot_id that is one higher. It stands still while it does not stream where `rewinds`.
    """

    device = edgeemg.edgeemg(Wishes())
    takes = ("rate_hz", "channels")

    @classmethod
    def streams(cls, wishes: Wishes) -> Stream:
        """As in Board: 24 bits at the scale of an ADS1299 with gain 24; 4 channels at 1 kHz."""
        return Stream(
            sample_rate_hz=wishes.rate_hz or 1000.0,
            n_channels=wishes.channels or 4,
            microvolts_per_count=4.5 / 24 / _HIGHEST * 1e6,
            lowest_count=-_HIGHEST,
            highest_count=_HIGHEST,
            turn=TURN,
        )

    def __init__(self, counts: NDArray[np.int32], stream: Stream, *, loop: bool = False) -> None:
        super().__init__(counts, stream, loop=loop)
        self.info = info_of(stream, name="edgeemg-board", firmware=(1, 0, 0), boot_id=1)
        self.samples_per_frame = self.info.n_samples
        self._info_due = 0  # number of the sample before which INFO is due

    def answer(self, command: bytes) -> tuple[bytes, float]:
        """As in Board: INFO to every command."""
        if command == edgeemg.START:
            self.streaming = True
        if command == edgeemg.STOP:
            self.streaming = False
        known = command in (edgeemg.START, edgeemg.STOP, edgeemg.REPORT)
        return (self._report(self.counter) if known else b""), 0.0

    def wire(self, counts: NDArray[np.int32], first_counter: int) -> list[bytes]:
        """As in Board. INFO goes with the DATA behind it, so that an entry is a frame's samples."""
        frames = encode(counts, first_counter, info=self.info)
        for n in range(len(frames)):
            counter = first_counter + n * self.samples_per_frame
            if counter >= self._info_due:
                frames[n] = self._report(counter) + frames[n]
                self._info_due = counter + round(_INFO_S * self.stream.sample_rate_hz)
        return frames

    def restart(self) -> bytes:
        """As in Board: another boot_id, and INFO as at every boot."""
        super().restart()
        self.info = replace(self.info, boot_id=(self.info.boot_id + 1) % (1 << 16))
        self._info_due = 0
        # the delimiter ends whatever was on the line when the power went
        return DELIMITER + self._report(0)

    def _report(self, counter: int) -> bytes:
        time_us = counter * 10**9 // self.info.rate_mhz % TURN
        return encode_info(replace(self.info, streaming=self.streaming, time_us=time_us))
