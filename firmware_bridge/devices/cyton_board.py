"""Commands in, replies and packets out: a Cyton without the hardware, playing a recording.

Replies, and what `b` resets, are those of firmware 3.1.2 in OpenBCI_Cyton_Library.
"""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from firmware_bridge.boards import Board
from firmware_bridge.devices import cyton
from firmware_bridge.frames import Stream, Wishes
from firmware_bridge.packets import HIGHEST_COUNT, LOWEST_COUNT

_BANNER = (
    b"OpenBCI V3 8-16 channel\n"
    b"On Board ADS1299 Device ID: 0x3E\n"
    b"%b"
    b"LIS3DH Device ID: 0x33\n"
    b"Firmware: v3.1.2\n$$$"
)
BANNER = _BANNER % b""
BANNER_WITH_DAISY = _BANNER % b"On Daisy ADS1299 Device ID: 0x3E\n"
_RESET_S = 0.5  # boardReset() waits this long before it prints
_SETTING_BYTES = 9  # of one channel: x, channel, power, gain, input, bias, SRB2, SRB1, X


class CytonBoard(Board):
    """Plays counts (time, 8) as packets, one a sample; see Board.

    stream  what the counts are: where the host sets another gain than theirs, they are scaled
    """

    device = cyton.cyton(Wishes())
    banner: ClassVar[bytes] = BANNER
    to_attach_daisy: ClassVar[bytes] = b"no daisy to attach!8$$$"

    def __init__(
        self, counts: NDArray[np.int32], stream: Stream = cyton.STREAM, *, loop: bool = False
    ) -> None:
        super().__init__(counts, stream, loop=loop)
        self._gains = np.full(stream.n_channels, cyton.DEFAULT_GAIN)
        self._setting = b""  # of a channel, as far as it came
        self._replies = {
            cyton.RESET: self.banner,
            cyton.DEFAULTS: b"updating channel settings to default\n$$$",
            cyton.REPORT_DEFAULTS: b"060110$$$",
            cyton.VERSION: b"v3.1.5$$$",
            cyton.ATTACH_DAISY: self.to_attach_daisy,
            # shortened: the firmware lists every register between its headings
            cyton.REGISTERS: b"\nBoard ADS Registers\n\nLIS3DH Registers\n$$$",
        }

    @classmethod
    def streams(cls, wishes: Wishes) -> Stream:
        """As in Board."""
        return cyton.stream_at(cyton.wished_gain(cls.device.title, wishes) or cyton.DEFAULT_GAIN)

    def answer(self, command: bytes) -> tuple[bytes, float]:
        """As in Board."""
        if self._setting or command == cyton.SETTING_BEGINS:
            reply = self._take_setting(command)
            return b"" if self.streaming else reply, 0.0
        if command == cyton.START:
            # the firmware starts its counter anew each time; the world it measures goes on
            self.streaming, self.counter = True, 0
        if command == cyton.STOP:
            self.streaming = False
        if command in (cyton.RESET, cyton.DEFAULTS):
            self._gains[:] = cyton.DEFAULT_GAIN
        if command == cyton.RESET:
            self.streaming = False
            self.row = 0 if self.rewinds else self.row
            return self._replies[command], _RESET_S
        if self.streaming:
            return b"", 0.0
        return self._replies.get(command, b""), 0.0

    def wire(self, counts: NDArray[np.int32], first_counter: int) -> list[bytes]:
        """As in Board."""
        return cyton.encode(self.at_its_gains(counts), first_counter)

    def restart(self) -> bytes:
        """As in Board; it prints its banner."""
        super().restart()
        self._gains[:] = cyton.DEFAULT_GAIN
        return self.banner

    def at_its_gains(self, counts: NDArray[np.int32]) -> NDArray[np.int32]:
        """(time, channel) counts of `stream` -> what the converter gives at the gains that are set.

        Rounded, and clipped to its range.
        """
        sizes = np.array([cyton.microvolts_per_count(int(gain)) for gain in self._gains])
        factors = self.stream.microvolts_per_count / sizes
        if (factors == 1).all():
            return counts
        scaled = np.clip(np.rint(counts * factors), LOWEST_COUNT, HIGHEST_COUNT)
        return scaled.astype(np.int32)

    def _take_setting(self, command: bytes) -> bytes:
        """One more byte of a channel's setting -> the reply, empty while it is not whole."""
        self._setting += command
        ended = command == cyton.SETTING_ENDS
        if len(self._setting) < _SETTING_BYTES and not ended:
            return b""
        setting, self._setting = self._setting, b""
        if len(setting) < _SETTING_BYTES:
            return b"Failure: too few chars$$$"
        if not ended:
            return b"Failure: Err: 9th char not X$$$"
        channel = cyton.CHANNEL_NAMES.find(setting[1:2])
        code = setting[3] - ord("0")
        if 0 <= channel < self.stream.n_channels and 0 <= code < len(cyton.GAINS):
            self._gains[channel] = cyton.GAINS[code]
        return b"Success: Channel set for %d$$$" % (channel + 1)
