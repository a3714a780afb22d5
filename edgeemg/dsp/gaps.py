"""Samples with holes in, samples with their short gaps bridged out; long gaps stay breaks.

A gap is what is missing between two whole rows: rows that never came, and rows with a value that
is not finite. Up to 4 ms of it, or one sample where that is more, is filled with a straight line
from the row before to the row after, and marked not valid, so that `dsp.windows.trust` counts it.
A filter passes such a line with a small error; starting it anew costs a whole window. Of a longer
gap nothing is known: its rows are left out, and filters and windows start anew behind it.
"""

import numpy as np
from numpy.typing import NDArray

from edgeemg.dsp.samples import Samples, join

_BRIDGED_MS = 4.0  # surface EMG has most of its power below 250 Hz, of which this is one period


def longest_bridge(sample_rate_hz: float) -> int:
    """Missing samples in a row that are bridged at this rate: 4 ms of them, at least one."""
    return max(1, int(_BRIDGED_MS * sample_rate_hz / 1000 + 1e-9))


class GapBridge:
    """Samples of any length in, whole rows out, in order; any chunking gives the same rows.

    A row waits only where it is not whole, for the next that is: bridging delays nothing.

    bridged  rows that were filled, or mended where a value was not finite
    """

    def __init__(self) -> None:
        self.bridged = 0
        self._left_out = 0
        self._held: Samples | None = None  # the last whole row, and what came behind it

    @property
    def unusable(self) -> int:
        """Rows that came with a value that is not finite, and are not mended (or not yet)."""
        return self._left_out + (len(self._held) - 1 if self._held is not None else 0)

    def feed(self, samples: Samples) -> Samples:
        """The rows that these samples complete: (time, channel), every value finite."""
        if not len(samples):
            return samples
        if self._held is not None and samples.index[0] <= self._held.index[-1]:
            self._forget()  # the sensor counts anew: nothing lies between
        held = self._held
        whole = np.logical_and.reduce(np.isfinite(samples.microvolts), axis=1)
        follows = held is None or samples.index[0] == held.index[0] + 1
        if follows and whole.all() and samples.index[-1] - samples.index[0] == len(samples) - 1:
            self._held = samples[-1:]
            return samples
        if held is None:
            return self._bridge(samples, whole)
        behind = np.concatenate([np.arange(len(held)) == 0, whole])
        return self._bridge(join([held, samples]), behind)[1:]

    def _forget(self) -> None:
        self._left_out = self.unusable
        self._held = None

    def _bridge(self, samples: Samples, whole: NDArray[np.bool_]) -> Samples:
        """The mended rows from the first whole one to the last; keeps what comes behind."""
        rows = np.flatnonzero(whole)
        if not len(rows):
            self._left_out += len(samples)
            return samples[:0]
        first, last = int(rows[0]), int(rows[-1])
        mended, came = _mended(samples[first : last + 1], whole[first : last + 1])
        self.bridged += len(mended) - len(rows)
        self._left_out += first + (last + 1 - first) - len(rows) - came
        self._held = samples[last:]
        if samples.index[-1] - samples.index[last] > longest_bridge(samples.sample_rate_hz):
            self._left_out += len(self._held) - 1
            self._held = self._held[:1]  # too long already: whatever comes, it is not bridged
        return mended


def bridged(samples: Samples) -> Samples:
    """A whole recording with its short gaps filled, as `GapBridge` does it."""
    return GapBridge().feed(samples)


def _mended(samples: Samples, whole: NDArray[np.bool_]) -> tuple[Samples, int]:
    """Rows of which the first and the last are whole -> those and the bridges between them.

    The second value says how many of the mended rows had come, with some of their channels.
    """
    known = samples.finite()
    steps = np.diff(known.index)
    short = (steps > 1) & (steps <= longest_bridge(samples.sample_rate_hz) + 1)
    copies = np.append(np.where(short, steps, 1), 1)  # rows from each known one to the next
    row = np.repeat(np.arange(len(known)), copies)
    ahead = np.arange(len(row)) - np.repeat(np.cumsum(copies) - copies, copies)
    share = (ahead / np.append(steps, 1)[row])[:, None]
    start = known.microvolts.astype(np.float64)
    rise = np.diff(start, axis=0, append=start[-1:])
    line = (start[row] + share * rise[row]).astype(np.float32)
    index = known.index[row] + ahead
    valid = known.valid[row] & (ahead == 0)[:, None]
    line[ahead == 0] = known.microvolts
    came = _keep_what_came(samples, whole, index, line, valid)
    return Samples(line, samples.sample_rate_hz, index, valid, samples.arrived_s), came


def _keep_what_came(
    samples: Samples,
    whole: NDArray[np.bool_],
    index: NDArray[np.int64],
    line: NDArray[np.float32],
    valid: NDArray[np.bool_],
) -> int:
    """Put the finite values of rows that are not whole back into their bridges; how many rows."""
    partial = np.flatnonzero(~whole)
    at = np.searchsorted(index, samples.index[partial])
    bridged_over = index[at] == samples.index[partial]
    partial, at = partial[bridged_over], at[bridged_over]
    finite = np.isfinite(samples.microvolts[partial])
    line[at] = np.where(finite, samples.microvolts[partial], line[at])
    valid[at] = finite & samples.valid[partial]
    return len(partial)
