"""Samples in, what a screen can show of them out: the lowest and highest of every 20 ms.

Before that they are filtered for the eye alone: an electrode's offset of thousands of microvolts,
its drift and the hum of the mains would hide the muscle. The network has its own filters.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edgeemg.dsp.filters import CausalFilter
from edgeemg.dsp.gaps import GapBridge
from edgeemg.dsp.samples import Samples

_COLUMN_S = 0.02
_HIGH_PASS_HZ = 10.0  # below it, more of what surface electrodes give is movement than muscle
_MAINS_HZ = (50.0, 60.0)
_NOTCH_Q = 10.0  # 5 or 6 Hz wide: wide enough for the mains of any day, and quick to settle
_SETTLING_S = 0.4  # the notches', after a start on mains: its time constant is 64 ms, Q / (pi f)
_SELDOM = 5  # times as long without a break, and what settles may be left out
_PER_MICROVOLT = 10  # traces are told in tenths of a microvolt
_MOST = 10_000_000  # tenths; a second is a sensor's fault, not a trace


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Columns that follow each other without a break.

    first  column 0 begins at the sensor's sample index 0
    ends   (column, channel, 2) int64: lowest and highest, tenths of a microvolt
    """

    first: int
    ends: NDArray[np.int64]


class Traces:
    """Keeps the filters' state and a column that is not whole yet; anew at each break in time."""

    def __init__(self, sample_rate_hz: float, n_channels: int) -> None:
        self.column_samples = max(1, round(_COLUMN_S * sample_rate_hz))
        self._filter = CausalFilter(view_filter(sample_rate_hz))
        self._settling = math.ceil(_SETTLING_S * sample_rate_hz)
        self._known = np.zeros(n_channels, dtype=np.float32)
        self._held = np.empty((0, n_channels), dtype=np.float32)  # of the column to come
        self.clear()

    def clear(self) -> None:
        """Forget: what came is long ago."""
        self._bridge = GapBridge()
        self._next: int | None = None  # sample index that goes on without a break
        self._since_break = _SELDOM * self._settling  # samples
        self._unsettled = 0  # samples that are still to be left out
        self._start_anew()

    def take(self, samples: Samples) -> list[Columns]:
        """The columns that these samples (time, channel) complete, oldest first.

        A channel without a value keeps its last one: it is flat, and the filters stay whole. What
        comes in the first 0.4 s after a break is left out, for the filters settle; not where breaks
        come every other second, for then nothing would be left.
        """
        if not len(samples):
            return []
        whole = self._bridge.feed(replace(samples, microvolts=self._filled(samples.microvolts)))
        return [made for run in whole.runs() for made in self._take_run(run)]

    def _take_run(self, run: Samples) -> list[Columns]:
        made = []
        if self._next is not None and run.index[0] != self._next:
            made = self._columns(self._next - len(self._held), self._held)
            self._start_anew()
        self._next = int(run.index[-1]) + 1
        self._since_break += len(run)
        filtered = self._filter.process(run.microvolts)[self._unsettled :]
        self._unsettled = max(0, self._unsettled - len(run))
        rows = np.concatenate([self._held, filtered])
        whole = max(0, len(rows) - self._next % self.column_samples)
        self._held = rows[whole:]
        return made + self._columns(self._next - len(rows), rows[:whole])

    def _start_anew(self) -> None:
        self._filter.reset()
        self._held = self._held[:0]
        self._unsettled = self._settling if self._since_break >= _SELDOM * self._settling else 0
        self._since_break = 0

    def _filled(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        there = np.isfinite(values)
        if not there.all():
            values = np.where(there, values, self._known)
        self._known = values[-1]
        return values

    def _columns(self, first_index: int, rows: NDArray[np.float32]) -> list[Columns]:
        """Rows of one run, cut at multiples of the column's length."""
        if not len(rows):
            return []
        first = first_index // self.column_samples
        skipped = first_index - first * self.column_samples
        starts = np.arange(0, skipped + len(rows), self.column_samples) - skipped
        starts[0] = 0
        ends = [reduce.reduceat(rows, starts, axis=0) for reduce in (np.minimum, np.maximum)]
        tenths = np.clip(np.stack(ends, axis=2) * _PER_MICROVOLT, -_MOST, _MOST)
        return [Columns(first, np.rint(tenths).astype(np.int64))]


def view_filter(sample_rate_hz: float) -> NDArray[np.float64]:
    """(section, 6): a high-pass at 10 Hz, and notches at 50 and 60 Hz where the rate shows them.

    Second-order sections of R. Bristow-Johnson, "Audio EQ Cookbook" (W3C note, 2021).
    """
    high_pass_hz = min(_HIGH_PASS_HZ, sample_rate_hz / 10)
    sections = [_section(high_pass_hz, math.sqrt(0.5), sample_rate_hz, notch=False)]
    sections += [
        _section(hz, _NOTCH_Q, sample_rate_hz, notch=True)
        for hz in _MAINS_HZ
        if hz < 0.45 * sample_rate_hz
    ]
    return np.array(sections)


def _section(hz: float, q: float, sample_rate_hz: float, *, notch: bool) -> list[float]:
    turn = 2 * math.pi * hz / sample_rate_hz
    cosine, alpha = math.cos(turn), math.sin(turn) / (2 * q)
    above = (1.0, -2 * cosine, 1.0) if notch else ((1 + cosine) / 2, -1 - cosine, (1 + cosine) / 2)
    below = (1 + alpha, -2 * cosine, 1 - alpha)
    return [one / below[0] for one in (*above, *below)]
