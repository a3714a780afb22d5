"""A mark that an emulated process makes, in; what the counter had counted at it out.

The guest makes marks, the counter (count_instructions.c) writes them down, the host reads them.
"""

import os
from contextlib import suppress
from itertools import pairwise
from typing import NamedTuple

from edgeemg.errors import EngineError
from edgeemg.profiler.instruction_kinds import KINDS

_WHICH = 0x454D47  # "EMG": no `which` that a kernel knows, so getpriority does nothing but fail
# labels
EMPTY, START, STOP = 1, 2, 3  # two EMPTY in a row are what a mark itself costs
STAGE = 10  # and the numbers behind it: the end of a stage


class Mark(NamedTuple):
    """One line of the counter's: since the start, instructions of each kind in KINDS, and the
    peak of resident bytes."""

    label: int
    peak_memory_bytes: int
    executed: tuple[int, ...]

    @property
    def instructions(self) -> int:
        """Of all kinds."""
        return sum(self.executed)


def mark(label: int) -> None:
    """Called in the guest: the counter writes a line. Without a counter nothing happens."""
    with suppress(OSError):
        os.getpriority(_WHICH, label)


def parse_marks(text: str) -> list[Mark]:
    """The counter's file, in order; EngineError where it is something else."""
    try:
        return [_mark(line) for line in text.splitlines()]
    except ValueError as error:
        raise EngineError(f"the instruction counter wrote nonsense ({error}): try again") from error


def _mark(line: str) -> Mark:
    label, peak, *executed = map(int, line.split())
    if len(executed) != len(KINDS):
        raise ValueError(f"{len(executed)} numbers for {len(KINDS)} kinds")
    return Mark(label, peak, tuple(executed))


def kinds_between(marks: list[Mark], *, runs: int) -> dict[str, int]:
    """Instructions of one of the `runs` between START and STOP by kind, without the marks' own.

    EngineError where the process did not get as far as STOP.
    """
    if [one.label for one in marks] != [EMPTY, EMPTY, START, STOP]:
        raise EngineError("the emulated process made other marks than were asked for: try again")
    first, second, start, stop = marks
    return _named(_less(_less(stop, start), _less(second, first)), runs=runs)


def laps_between(marks: list[Mark], *, rounds: int) -> list[dict[str, int]]:
    """Instructions of one round by kind, a dict for each stage, without the marks' own.

    marks  EMPTY twice, START, then in each of the `rounds` one mark a stage, from STAGE up
    EngineError where they are others.
    """
    laps = [one.label for one in marks[3:]]
    stages = len(laps) // rounds
    asked = [EMPTY, EMPTY, START, *[STAGE + n for n in range(stages)] * rounds]
    if not laps or [one.label for one in marks] != asked:
        raise EngineError("the emulated process made other marks than were asked for: try again")
    own = _less(marks[1], marks[0])
    each = [_less(_less(stop, start), own) for start, stop in pairwise(marks[2:])]
    return [
        _named([sum(one) for one in zip(*each[stage::stages], strict=True)], runs=rounds)
        for stage in range(stages)
    ]


def _less(later: Mark | list[int], earlier: Mark | list[int]) -> list[int]:
    """What was executed in between, by kind."""
    first, second = (one.executed if isinstance(one, Mark) else one for one in (earlier, later))
    return [two - one for one, two in zip(first, second, strict=True)]


def _named(executed: list[int], *, runs: int) -> dict[str, int]:
    return {name: round(one / runs) for name, one in zip(KINDS, executed, strict=True)}
