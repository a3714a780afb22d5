"""Clock readings of one sensor in, numbers of its samples and their rate out.

A loss is a step above one. A line that does not follow the one before it in time waits for the
next three: samples were lost and they go on from here, or a digit was damaged and they do not.
A clock of whole milliseconds sees a loss no better than that: beyond two samples a tick, single
losses are not seen.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_WRAP = 1 << 32  # of millis() and micros()
# how far the expected time, and the period, move to what came: a sketch's pace is never exact
_FOLLOW, _ADAPT = 1 / 8, 1 / 256
_MOST_ADAPTED = 0.1  # of the period that was learned
_LOOKS, _SURE = 3, 2  # lines behind one that are asked about it, and how many must go on from it
_FEW = 3  # samples: where no more are missing, one line is enough
_NEXT_LOST = 3  # samples that may be lost in turn behind each line of a clock that began again
_BACK = 16  # samples: a clock that went back by no more did not begin again
_LONGEST_MILLIS = 150  # a longer step of the clock must be one of micros()
# share of the rate within which it is rounded: two measurements of one sketch then differ by less
# than the 0.1 % that a bundle grants
_NEAR = 0.0005
_ENOUGH_S = 1.0  # of readings in milliseconds: the rate to 0.02 %
_ENOUGH_TICKS = 10_000  # where one reading says as much
_ENOUGH_FOR_CHECK = 200  # ticks: the rate to 1 %
_LONGEST_STEP = 8  # samples that can be counted while their period is known to some percent only
_CONTRADICTED = 0.05  # share by which a sketch may miss the rate that it was written for


def looks_like_clock(readings: Sequence[int]) -> bool:
    """Whether these numbers, of lines in a row, rise as a clock does: mostly by the same step."""
    steps = _steps(readings)
    return bool(len(steps) and steps.min() > 0 and _usual(steps).mean() > 0.5)  # most of them


def period_of(readings: Sequence[int]) -> float:
    """Ticks of the clock from one sample to the next."""
    steps = _steps(readings)
    return float(steps[_usual(steps)].mean())


def rate_of(period: float, error: float = 0.0) -> float:
    """Samples a second, from ticks that are milliseconds if they can be, else microseconds.

    The roundest number within 0.05 %, or the error of the period (a share of it) if that is more.
    """
    hertz = _ticks_per_s(period) / period
    steps = (digit * 10.0**power for power in range(3, -6, -1) for digit in (5, 2, 1))
    rounded = (round(round(hertz / step) * step, 6) for step in steps)
    near = max(_NEAR, error) * hertz
    return next((one for one in rounded if abs(one - hertz) <= near), hertz)


def may_be(rate_hz: float, period: float) -> bool:
    """Whether lines at this rate can have a clock of this period: to 5 %, in either unit.

    A number that rises by exactly one may as well count the lines, at any rate.
    """
    if abs(period - 1) < 1e-6:
        return True
    off = [abs(rate_hz * period / ticks_per_s - 1) for ticks_per_s in (1e3, 1e6)]
    return min(off) <= _CONTRADICTED


def _ticks_per_s(period: float) -> float:
    return 1e3 if period < _LONGEST_MILLIS else 1e6


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

    time       what its clock said
    restarted  the sensor began anew with this one, whose number is 0
    """

    number: int
    counts: tuple[int, ...]
    time: int = 0
    restarted: bool = False


class Line(NamedTuple):
    """What stood in a line of `size` bytes: the time of its clock, and the rest."""

    time: int
    counts: tuple[int, ...]
    size: int


class LineClock:
    """Numbers lines by their clock; `refused` holds sizes of those that do not fit, in bytes."""

    def __init__(self, period: float) -> None:
        self.refused: list[int] = []
        self._learned = self._period = period
        self._most_adapted = _MOST_ADAPTED * period
        self._tolerance = max(1.0, period / 2)
        self._expected = 0.0  # time of the last line, as it should have been
        self._number = -1  # of the last line
        self._waits: list[Line] = []  # the first one for its proof, which are the others

    @property
    def held_bytes(self) -> int:
        """Bytes of lines that wait for a proof."""
        return sum(line.size for line in self._waits)

    def take(self, line: Line) -> list[Row]:
        """One line -> the lines that are now known to be right."""
        if self._number < 0:
            return [self._accept(line, 1)]
        if abs(self._late(line.time)) <= self._tolerance:
            self.refused += [waited.size for waited in self._waits]
            self._waits = []
            return [self._accept(line, 1)]
        self._waits.append(line)
        return self._decided()

    def _decided(self) -> list[Row]:
        """What the lines that wait say of the first one; nothing while they do not say enough."""
        first, *behind = self._waits
        steps = 1 + round(self._late(first.time) / self._period)
        believable = steps > 1 or steps < -_BACK
        wanted = 1 if 1 < steps <= 1 + _FEW else _SURE
        most = math.inf if steps > 1 else _NEXT_LOST
        agree = sum(
            self._goes_on(first.time, line.time, n, most=most) for n, line in enumerate(behind, 1)
        )
        undecided = agree < wanted and len(behind) - agree < _SURE and len(behind) < _LOOKS
        if believable and undecided:
            return []
        self._waits = []
        rows = []
        if believable and agree >= wanted:
            rows.append(self._accept(first, steps) if steps > 1 else self._begin_anew(first))
        else:
            self.refused.append(first.size)
        return rows + [row for line in behind for row in self.take(line)]

    def _goes_on(self, time: int, behind: int, n: int, *, most: float) -> bool:
        """Whether the `n`-th line behind follows one at this time, `most` samples a line lost."""
        further = _signed(behind - time - n * self._period)
        return -self._tolerance <= further <= n * most * self._period + self._tolerance

    def _late(self, time: int) -> float:
        """Ticks by which a line is later than the one that should come."""
        return _signed(time - self._expected - self._period)

    def _accept(self, line: Line, steps: int) -> Row:
        if self._number < 0:
            self._expected = line.time - self._period
        due = self._expected + steps * self._period
        late = _signed(line.time - due)
        self._expected = (due + _FOLLOW * late) % _WRAP
        if steps == 1 and abs(self._period + _ADAPT * late - self._learned) < self._most_adapted:
            self._period += _ADAPT * late
        self._number += steps
        return Row(self._number, line.counts, line.time)

    def _begin_anew(self, line: Line) -> Row:
        self._expected, self._number = float(line.time), 0
        return Row(0, line.counts, line.time, restarted=True)


class Pace:
    """Numbered lines in, ticks of the clock a sample out, once they say it well enough.

    period  ticks a sample; NaN: not yet
    error   three times its standard error, as a share of it

    rough  the same, from the first lines
    told   the rate is known, and only to be checked
    """

    def __init__(self, rough: float, *, told: bool) -> None:
        self.period, self.error = math.nan, 0.0
        wanted = _ENOUGH_S * _ticks_per_s(rough)
        self._wanted = min(wanted, _ENOUGH_FOR_CHECK) if told else wanted
        self._lines: list[tuple[int, int]] = []  # number and ticks, both since the first
        self._begun = Row(0, ())
        self._even = True  # the ticks are in proportion to the numbers

    def follows(self, row: Row) -> bool:
        """Whether the line can be measured together with those before."""
        if not self._lines:
            return True
        step = row.number - self._begun.number - self._lines[-1][0]
        return not row.restarted and step <= _LONGEST_STEP

    def add(self, row: Row) -> bool:
        """One line more -> whether the period is known; one that does not follow begins anew."""
        if not self._lines or not self.follows(row):
            self._begun, self._lines, self._even = row, [(0, 0)], True
            return False
        number = row.number - self._begun.number
        ticks = (row.time - self._begun.time) % _WRAP
        self._lines.append((number, ticks))
        first_number, first_ticks = self._lines[1]
        self._even = self._even and ticks * first_number == first_ticks * number
        if ticks < self._wanted and not (self._even and ticks >= _ENOUGH_TICKS):
            return False
        numbers, times = np.array(self._lines, np.float64).T
        self.period, first = np.polyfit(numbers, times, 1).tolist()
        off = float(np.std(times - first - self.period * numbers))
        spread = float(np.std(numbers)) * self.period
        self.error = 3 * off / math.sqrt(len(numbers)) / spread
        return True


def _signed(ticks: float) -> float:
    """The same difference of two clock readings, with a clock that went round thought of."""
    return (ticks + _WRAP / 2) % _WRAP - _WRAP / 2
