"""Clock readings of one sensor in, numbers of its samples out: a loss is a step above one.

A line that does not follow the one before it in time waits for the next: a sample was lost and the
next one goes on from here, or a digit was damaged and it does not. A clock of whole milliseconds
sees a loss no better than that: beyond two samples a tick, single losses are not seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_WRAP = 1 << 32  # of millis() and micros()
# how far the expected time, and the period, move to what came: a sketch's pace is never exact
_FOLLOW, _ADAPT = 1 / 8, 1 / 256
_MOST_ADAPTED = 0.1  # of the period that was learned
_NEXT_LOST = 3  # samples that may be lost in turn behind a line that waits for its proof
_LONGEST_MILLIS = 150  # a longer step of the clock must be one of micros()
# rates that sketches are written for; one that is measured as near is taken for it
_USUAL_HZ = np.array(
    [
        *(10, 20, 25, 50, 100, 125, 200, 250, 256, 400, 500, 512, 800, 1000),
        *(1024, 1200, 1250, 1600, 2000, 2048, 2500, 4000, 5000),
    ]
)
_NEAR = 0.01


def looks_like_clock(readings: Sequence[int]) -> bool:
    """Whether these numbers, of lines in a row, rise as a clock does: mostly by the same step."""
    steps = _steps(readings)
    return bool(len(steps) and steps.min() > 0 and _usual(steps).mean() > 0.5)  # most of them


def period_of(readings: Sequence[int]) -> float:
    """Ticks of the clock from one sample to the next."""
    steps = _steps(readings)
    return float(steps[_usual(steps)].mean())


def rate_of(period: float) -> float:
    """Samples a second, from ticks that are milliseconds if they can be, else microseconds."""
    hertz = (1e3 if period < _LONGEST_MILLIS else 1e6) / period
    nearest = float(_USUAL_HZ[np.abs(_USUAL_HZ - hertz).argmin()])
    return nearest if abs(nearest - hertz) <= _NEAR * nearest else hertz


def _steps(readings: Sequence[int]) -> NDArray[np.int64]:
    clock = np.asarray(readings, np.int64)
    return clock[1:] - clock[:-1]


def _usual(steps: NDArray[np.int64]) -> NDArray[np.bool_]:
    median = float(np.median(steps))
    near: NDArray[np.bool_] = np.abs(steps - median) <= max(1.0, 0.05 * median)
    return near


@dataclass(frozen=True, slots=True)
class Row:
    """One line: its place among the samples since the sensor began, and what it holds.

    restarted  the sensor began anew with this one, whose number is 0
    """

    number: int
    counts: tuple[int, ...]
    restarted: bool = False


class LineClock:
    """Numbers lines by their clock; `refused` holds sizes of those that do not fit, in bytes."""

    def __init__(self, period: float) -> None:
        self.refused: list[int] = []
        self._learned = self._period = period
        self._most_adapted = _MOST_ADAPTED * period
        self._tolerance = max(1.0, period / 2)
        self._expected = 0.0  # time of the last line, as it should have been
        self._number = -1  # of the last line
        self._waits: tuple[int, tuple[int, ...], int] | None = None

    @property
    def held_bytes(self) -> int:
        """Bytes of a line that waits for its proof."""
        return self._waits[2] if self._waits else 0

    def take(self, time: int, counts: tuple[int, ...], size: int) -> list[Row]:
        """One line of `size` bytes -> the lines that are now known to be right."""
        if self._number < 0:
            return [self._accept(time, counts, 1)]
        if self._waits is None:
            if abs(self._late(time)) <= self._tolerance:
                return [self._accept(time, counts, 1)]
            self._waits = (time, counts, size)
            return []
        before, self._waits = self._waits, None
        if abs(self._late(time)) > self._tolerance:
            row = self._proven(before, time)
            if row is not None:
                return [row, *self.take(time, counts, size)]
        self.refused.append(before[2])
        return self.take(time, counts, size)

    def _late(self, time: int) -> float:
        """Ticks by which a line is later than the one that should come."""
        return _signed(time - self._expected - self._period)

    def _proven(self, before: tuple[int, tuple[int, ...], int], time: int) -> Row | None:
        """The line that waited, if the one at `time` goes on from it."""
        waited, counts, _ = before
        further = _signed(time - waited - self._period)
        steps = 1 + round(self._late(waited) / self._period)
        if steps > 1 and -self._tolerance <= further <= _NEXT_LOST * self._period + self._tolerance:
            return self._accept(waited, counts, steps)
        if steps < -1 and abs(further) <= self._tolerance:
            self._expected, self._number = float(waited), 0
            return Row(0, counts, restarted=True)
        return None

    def _accept(self, time: int, counts: tuple[int, ...], steps: int) -> Row:
        if self._number < 0:
            self._expected = time - self._period
        due = self._expected + steps * self._period
        late = _signed(time - due)
        self._expected = (due + _FOLLOW * late) % _WRAP
        if steps == 1 and abs(self._period + _ADAPT * late - self._learned) < self._most_adapted:
            self._period += _ADAPT * late
        self._number += steps
        return Row(self._number, counts)


def _signed(ticks: float) -> float:
    """The same difference of two clock readings, with a clock that went round thought of."""
    return (ticks + _WRAP / 2) % _WRAP - _WRAP / 2
