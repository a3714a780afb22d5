"""Samples in, blocks of one hop and overlapping windows out; nothing crosses a break in time.

Windows start on a grid: multiples of the hop on the sensor's own sample index. So a stream that
lost a stretch, or was opened late, decides at the same sample indices as the recording of it.
Blocks end where windows end, so that no window waits for samples that it does not hold.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeemg.dsp.samples import Samples, join
from edgeemg.errors import ManifestError


class HopBlocks:
    """Samples of any length in, blocks that end on the hop grid out.

    phase  the grid is phase + n * hop: of windows that start on multiples of the hop, their length

    The first block after a break may be shorter than a hop: it ends on the grid. Work on a block
    is then the same whatever chunks the samples came in, bit for bit.
    """

    def __init__(self, hop: int, *, phase: int = 0) -> None:
        if hop < 1:
            raise ManifestError(f"hop_samples must be at least 1, got {hop}")
        self._hop = hop
        self._phase = phase
        self._waiting: list[Samples] = []

    def feed(self, samples: Samples) -> Iterator[Samples]:
        """Yield each block that is complete; keep the rest for the next call."""
        for run in samples.runs():
            if self._waiting and run.index[0] != self._waiting[-1].index[-1] + 1:
                yield from self.flush()
            yield from self._cut(run)

    def flush(self) -> Iterator[Samples]:
        """Yield what waits, shorter than a hop, if anything does."""
        if self._waiting:
            waiting, self._waiting = join(self._waiting), []
            yield waiting

    def _cut(self, run: Samples) -> Iterator[Samples]:
        while len(run):
            missing = self._hop - (int(run.index[0]) - self._phase) % self._hop
            self._waiting.append(run[:missing])
            if len(run) < missing:
                return
            yield from self.flush()
            run = run[missing:]


# Least share of valid samples in a window's worst channel. Below it, what a model says of the
# window says nothing: it neither trains nor decides.
LEAST_TRUST = 0.9


def trust(valid: NDArray[np.bool_]) -> float:
    """(time, channel) validity -> the share of valid samples in the worst channel.

    The worst, not the mean: one electrode that has come off is enough to mislead a model.
    """
    return 1.0 if valid.all() else float(valid.mean(axis=0).min())


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """The last `window_samples` of a stream: values (time, channel), ending at sample `index`.

    valid is as `trust` gives it; `arrived_s` as in Samples.
    """

    values: NDArray[np.float32]
    index: int
    valid: float
    arrived_s: float


class Windows:
    """Blocks of filtered samples in, overlapping windows out, one every hop.

    A window starts on the hop grid and never spans a break: after one, it fills anew. What is done
    for a hop is proportional to the hop, but for the copy that a window is.
    """

    def __init__(self, length: int, hop: int) -> None:
        if length < 1:
            raise ManifestError(f"window_samples must be at least 1, got {length}")
        if not 1 <= hop <= length:
            raise ManifestError(f"hop_samples must be in 1..{length}, got {hop}")
        self._length = length
        self._hop = hop
        self._next_index: int | None = None
        self._values: NDArray[np.floating] = np.empty((0, 0), np.float32)
        self._valid: NDArray[np.bool_] = np.empty((0, 0), np.bool_)
        self._start = 0  # of the next window, a row of the two
        self._stop = 0  # rows that are filled
        self._before_grid = 0  # rows of a new stretch before its first window starts

    def feed(self, samples: Samples) -> list[Window]:
        """The windows that these samples complete, oldest first."""
        windows: list[Window] = []
        for run in samples.runs():
            first = int(run.index[0])
            if first != self._next_index:
                self._start = self._stop = 0
                self._before_grid = -first % self._hop
            self._next_index = first + len(run)
            ahead = min(self._before_grid, len(run))
            self._before_grid -= ahead
            for row in range(ahead, len(run), self._length):
                windows.extend(self._cut(run[row : row + self._length]))
        return windows

    def reset(self) -> None:
        """Forget what was held: the next window fills anew."""
        self._next_index = None

    def _cut(self, piece: Samples) -> Iterator[Window]:
        self._append(piece)
        index = int(piece.index[-1]) + 1 - self._stop  # of the first row
        while self._stop - self._start >= self._length:
            rows = slice(self._start, self._start + self._length)
            self._start += self._hop
            valid = trust(self._valid[rows])
            yield Window(self._values[rows].copy(), index + rows.stop - 1, valid, piece.arrived_s)

    def _append(self, piece: Samples) -> None:
        values, valid = piece.microvolts, piece.valid
        if self._values.shape[1:] != values.shape[1:] or self._values.dtype != values.dtype:
            shape = (4 * self._length, values.shape[1])  # under a window is kept: it seldom moves
            self._values = np.empty(shape, values.dtype)
            self._valid = np.empty(shape, np.bool_)
            self._start = self._stop = 0
        if self._stop + len(piece) > len(self._values):
            kept = slice(self._start, self._stop)
            self._start, self._stop = 0, kept.stop - kept.start
            self._values[: self._stop] = self._values[kept]
            self._valid[: self._stop] = self._valid[kept]
        rows = slice(self._stop, self._stop + len(piece))
        self._values[rows], self._valid[rows] = values, valid
        self._stop = rows.stop
