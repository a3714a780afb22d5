"""Commands in, replies and wire frames out: what every simulated sensor is made of."""

from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firmware_bridge.frames import Device, Stream, Wishes


class Board:
    """A sensor's behaviour without its line: it plays counts (time, channel) as wire frames.

    A subclass says what it sends (`streams`), how it is written (`wire`) and what it replies
    (`answer`).

    takes      fields of Wishes that it can be set to: where a person does not say, the recording
               that it plays decides
    loop       start again at row 0 when the recording is over
    streaming  whether it sends samples now; some do from power-on
    sent       samples played as frames so far
    rewinds    it stands still while it does not stream, and a reset goes back to row 0; False
               where faults are played: the world goes on
    """

    device: ClassVar[Device]
    samples_per_frame: int = 1
    frames_per_sample: ClassVar[int] = 1
    takes: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def streams(cls, wishes: Wishes) -> Stream:
        """What it sends, set as wished. Raises PortError for a wish that it cannot meet."""
        raise NotImplementedError

    def __init__(self, counts: NDArray[np.int32], stream: Stream, *, loop: bool = False) -> None:
        if not len(counts):
            raise ValueError("a board needs at least one row of counts to play")
        self.stream = stream
        self.streaming = False
        self.rewinds = True
        self.sent = 0
        self.row = 0
        self.counter = 0  # of the next sample
        self._counts = counts
        self._loop = loop

    @property
    def finished(self) -> bool:
        """Every row has been played."""
        return self.row >= len(self._counts)

    def answer(self, command: bytes) -> tuple[bytes, float]:  # noqa: ARG002  # a subclass's
        """One command byte -> its reply, and the seconds that it takes the board."""
        return b"", 0.0

    def idle(self) -> bytes:
        """What it says by itself: asked at least every 50 ms while no command comes."""
        return b""

    def wire(self, counts: NDArray[np.int32], first_counter: int) -> list[bytes]:
        """Rows of counts, the first of which has this number -> wire frames."""
        raise NotImplementedError

    def restart(self) -> bytes:
        """As after a loss of power: the counter from zero; what it prints. The world goes on."""
        self.streaming, self.counter = False, 0
        return b""

    def frames(self, due: int) -> list[bytes]:
        """The wire frames of the next `due` samples; fewer where the recording ends.

        Whole frames only: where a frame holds several samples, what is left over is due later.
        """
        whole = due - due % self.samples_per_frame
        played: list[bytes] = []
        while whole and not self.finished:
            rows = slice(self.row, min(self.row + whole, len(self._counts)))
            whole -= rows.stop - rows.start
            played += self._play(rows)
        return played

    def skip(self, due: int) -> None:
        """The next `due` samples are taken, or pass, and are not sent: it does not stream."""
        self.counter += due
        self.row += due
        if self._loop:
            self.row %= len(self._counts)
        self.row = min(self.row, len(self._counts))

    def _play(self, rows: slice) -> list[bytes]:
        counts = self._counts[rows]
        frames = self.wire(counts, self.counter)
        self.sent += len(counts)
        self.counter += len(counts)
        self.row = rows.stop
        if self._loop and self.finished:
            self.row = 0
        return frames


def microvolts_to_counts(microvolts: ArrayLike, stream: Stream) -> NDArray[np.int32]:
    """(time, channel) microvolts -> (time, stream.n_channels) counts, the inverse of reading.

    Rounded to the nearest count and clipped to the converter's range. NaN, and inputs that the
    recording has no channel for, become the lower rail: what an open input shows, and what a
    reader marks as not valid. Raises ValueError for more channels than the device has.
    """
    values: NDArray[np.float64] = np.asarray(microvolts, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] > stream.n_channels:
        raise ValueError(f"wanted (time, up to {stream.n_channels}), got {values.shape}")
    lowest, highest = converter_range(stream)
    counts = np.full((len(values), stream.n_channels), lowest, dtype=np.int32)
    whole = np.rint(values / stream.microvolts_per_count) + stream.zero_count
    whole = np.where(np.isnan(whole), lowest, np.clip(whole, lowest, highest))
    counts[:, : values.shape[1]] = whole.astype(np.int32)
    return counts


def converter_range(stream: Stream) -> tuple[int, int]:
    """The lowest and the highest count that the converter can give.

    A two's complement converter reaches one count lower than it is railed at: -2**n.
    """
    two_s_complement = stream.lowest_count == -stream.highest_count
    return stream.lowest_count - two_s_complement, stream.highest_count
