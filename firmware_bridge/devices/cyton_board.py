"""Commands in, replies and packets out: a Cyton without the hardware, playing a recording.

Replies, and what `b` resets, are those of firmware 3.1.2 in OpenBCI_Cyton_Library.
"""

import numpy as np
from numpy.typing import NDArray

from firmware_bridge.devices import cyton
from firmware_bridge.devices.cyton import CYTON
from firmware_bridge.frames import Device

BANNER = (
    b"OpenBCI V3 8-16 channel\n"
    b"On Board ADS1299 Device ID: 0x3E\n"
    b"LIS3DH Device ID: 0x33\n"
    b"Firmware: v3.1.2\n$$$"
)
_RESET_S = 0.5  # boardReset() waits this long before it prints
_REPLIES = {
    cyton.RESET: BANNER,
    cyton.DEFAULTS: b"updating channel settings to default\n$$$",
    cyton.REPORT_DEFAULTS: b"060110$$$",
    cyton.VERSION: b"v3.1.5$$$",
    # shortened: the firmware lists every register between its headings
    cyton.REGISTERS: b"\nBoard ADS Registers\n\nLIS3DH Registers\n$$$",
}


class CytonBoard:
    """Plays counts (time, 8) as packets, one a sample.

    loop     start again at row 0 when the recording is over
    dropped  (time,) bool: rows whose packet is lost on the air; the counter goes on
    """

    device: Device = CYTON

    def __init__(
        self,
        counts: NDArray[np.int32],
        *,
        loop: bool = False,
        dropped: NDArray[np.bool_] | None = None,
    ) -> None:
        if not len(counts):
            raise ValueError("a board needs at least one row of counts to play")
        self.streaming = False
        self.sent = 0
        self.lost_on_air = 0
        self._counts = counts
        self._loop = loop
        self._dropped = np.zeros(len(counts), np.bool_) if dropped is None else dropped
        self._row = 0
        self._counter = 0

    @property
    def finished(self) -> bool:
        """Every row has been played."""
        return self._row >= len(self._counts)

    def answer(self, command: bytes) -> tuple[bytes, float]:
        """One command byte -> its reply, and the seconds that it takes the board."""
        if command == cyton.START:
            # the firmware starts its counter anew each time; the world it measures goes on
            self.streaming, self._counter = True, 0
        if command == cyton.STOP:
            self.streaming = False
        if command == cyton.RESET:
            self.streaming, self._row = False, 0
            return _REPLIES[command], _RESET_S
        if self.streaming:
            return b"", 0.0
        return _REPLIES.get(command, b""), 0.0

    def packets(self, due: int) -> bytes:
        """The bytes of the next `due` samples; fewer where the recording ends."""
        played = b""
        while due and not self.finished:
            rows = slice(self._row, min(self._row + due, len(self._counts)))
            played += self._play(rows)
            due -= rows.stop - rows.start
        return played

    def _play(self, rows: slice) -> bytes:
        counts = self._counts[rows]
        packets = np.frombuffer(cyton.encode(counts, self._counter), np.uint8)
        heard = packets.reshape(-1, cyton.PACKET_BYTES)[~self._dropped[rows]]
        self.sent += len(heard)
        self.lost_on_air += len(counts) - len(heard)
        self._counter += len(counts)
        self._row = rows.stop
        if self._loop and self.finished:
            self._row = 0
        return heard.tobytes()
