"""A mark that an emulated process makes, in; what the counter had counted at it out.

The guest makes marks, the counter (count_instructions.c) writes them down, the host reads them.
"""

import os
from contextlib import suppress
from typing import NamedTuple

from edgeemg.errors import EngineError

_WHICH = 0x454D47  # "EMG": no `which` that a kernel knows, so getpriority does nothing but fail
# labels
EMPTY, START, STOP = 1, 2, 3  # two EMPTY in a row are what a mark itself costs


class Mark(NamedTuple):
    """One line of the counter's: instructions and the peak of resident bytes since the start."""

    label: int
    instructions: int
    peak_memory_bytes: int


def mark(label: int) -> None:
    """Called in the guest: the counter writes a line. Without a counter nothing happens."""
    with suppress(OSError):
        os.getpriority(_WHICH, label)


def parse_marks(text: str) -> list[Mark]:
    """The counter's file, in order; EngineError where it is something else."""
    try:
        return [Mark(*map(int, line.split())) for line in text.splitlines()]
    except (ValueError, TypeError) as error:
        raise EngineError(f"the instruction counter wrote nonsense ({error}): try again") from error


def instructions_between(marks: list[Mark], *, runs: int) -> int:
    """Instructions of one of the `runs` between START and STOP, without the marks' own.

    EngineError where the process did not get as far as STOP.
    """
    at = [one.instructions for one in marks]
    if [one.label for one in marks] != [EMPTY, EMPTY, START, STOP]:
        raise EngineError("the emulated process made other marks than were asked for: try again")
    own = at[1] - at[0]
    return round((at[3] - at[2] - own) / runs)
