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

    A window starts on the hop grid and never spans a break: after one, it fills anew.
    """

    def __init__(self, length: int, hop: int) -> None:
        if length < 1:
            raise ManifestError(f"window_samples must be at least 1, got {length}")
        if not 1 <= hop <= length:
            raise ManifestError(f"hop_samples must be in 1..{length}, got {hop}")
        self._length = length
        self._hop = hop
        self._held: Samples | None = None

    def feed(self, samples: Samples) -> list[Window]:
        """The windows that these samples complete, oldest first."""
        windows: list[Window] = []
        for run in samples.runs():
            held = self._held
            follows = held is not None and len(held) and run.index[0] == held.index[-1] + 1
            stretch = join([held, run]) if held is not None and follows else run
            windows.extend(self._cut(stretch))
            self._held = self._rest(stretch)
        return windows

    def reset(self) -> None:
        """Forget what was held: the next window fills anew."""
        self._held = None

    def _cut(self, stretch: Samples) -> Iterator[Window]:
        first = _to_grid(stretch, self._hop)
        for start in range(first, len(stretch) - self._length + 1, self._hop):
            piece = stretch[start : start + self._length]
            values, index = piece.microvolts, int(piece.index[-1])
            yield Window(values, index, trust(piece.valid), piece.arrived_s)

    def _rest(self, stretch: Samples) -> Samples:
        """What the next window needs: from the first start that is not cut yet."""
        first = _to_grid(stretch, self._hop)
        done = max(0, (len(stretch) - self._length - first) // self._hop + 1)
        return stretch[first + done * self._hop :]


def _to_grid(stretch: Samples, hop: int) -> int:
    """Samples from the start of the stretch to the first multiple of the hop."""
    return -int(stretch.index[0]) % hop
