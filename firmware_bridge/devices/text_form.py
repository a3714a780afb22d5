"""The first lines of a sensor in, how its lines look out: columns, names, clock, checksum.

Learned once and never again: a lost byte can make a shorter line that is still numbers.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import xor

from firmware_bridge.devices.text_clock import looks_like_clock

LEARNED_FROM = 5  # lines alike
_CLOCK_FROM = 20  # where a clock seems to be in front: a signal may rise as evenly for a while
# of a converter of 24 bits. The first lines say nothing of the range: they may be of a muscle at
# rest. What lies beyond this are two lines that a lost end has joined, or a damaged one.
LARGEST_COUNT = (1 << 23) - 1

_NUMBER = rb"[+-]?\d{1,10}"
_NAME = rb"(?:[A-Za-z_]\w*[ \t]*[:=][ \t]*)?"
_BETWEEN = rb"(?:[ \t]*[,;][ \t]*|[ \t]+)"
_ONE = _NAME + _NUMBER
_LINE = re.compile(_ONE + rb"(?:" + _BETWEEN + _ONE + rb")*")
_NUMBERS = re.compile(rb"(?<!\w)" + _NUMBER + rb"(?!\w)")
_DECIMALS = re.compile(rb"(?:^|[\s,;:=])[+-]?\d+\.\d+(?:$|[\s,;])")
_CHECKSUM = re.compile(rb"(.*)\*([0-9A-Fa-f]{2})")
_SPACE = re.compile(rb"[ \t]+")
_MARK = re.compile(rb"[ \t]*([,;:=])[ \t]*")


@dataclass(frozen=True, slots=True)
class Form:
    """How the lines of one sensor look.

    pattern   matches a line without its checksum; its groups are the numbers
    channels  numbers without the clock
    readings  of the clock, in the lines that this was learned from; empty: no clock
    checksum  whether each line must end in a right one
    """

    pattern: re.Pattern[bytes]
    channels: int
    readings: tuple[int, ...]
    checksum: bool

    def read(self, line: bytes) -> tuple[int, ...] | None:
        """The numbers of a line, the clock among them; None where it is not of this form."""
        if self.checksum:
            checked = _checked(line)
            if checked is None:
                return None
            line = checked
        found = self.pattern.fullmatch(line)
        if found is None:
            return None
        numbers = tuple(map(int, found.groups()))
        counts = numbers[1:] if self.readings else numbers
        return None if _too_large(counts) else numbers


class Learner:
    """Collects lines until enough are alike.

    channels  numbers without the clock; None: as the lines look
    trouble   why the lines are of no use, for people
    """

    def __init__(self, channels: int | None = None) -> None:
        self.trouble = ""
        self._channels = channels
        self._lines: list[tuple[bytes, int]] = []
        self._like: bytes | None = None
        self._refused: list[int] = []

    @property
    def held_bytes(self) -> int:
        """Bytes of the lines that are collected."""
        return sum(size for _, size in self._lines)

    def refused(self) -> list[int]:
        """Sizes of lines that were given up since the last call."""
        refused, self._refused = self._refused, []
        return refused

    def done(self) -> list[tuple[bytes, int]]:
        """The lines that it was learned from, and their sizes; then they are forgotten."""
        lines, self._lines = self._lines, []
        return lines

    def learn(self, line: bytes, size: int) -> Form | None:
        """One line more -> how lines look, once that is clear."""
        like = _like(line)
        if like != self._like:
            self._refused += [its_size for _, its_size in self.done()]
            self._like = like
        if like is None:
            self._refused.append(size)
            self._explain(line)
            return None
        self._lines.append((line, size))
        return self._decide() if len(self._lines) >= LEARNED_FROM else None

    def _explain(self, line: bytes) -> None:
        if _DECIMALS.search(line):
            shown = line[:40].decode("ascii", "replace")
            self.trouble = (
                f"its lines hold decimals ({shown!r}), and their unit is not known: print the "
                "whole numbers that the converter gave"
            )

    def _decide(self) -> Form | None:
        checksum = b"*" in self._lines[0][0]
        bodies = [_body(line) for line, _ in self._lines]
        table = [[int(one) for one in _NUMBERS.findall(body)] for body in bodies]
        first = tuple(row[0] for row in table)
        clock = self._has_clock(first, len(table[0]))
        if clock and not looks_like_clock(first):
            self.trouble = (
                f"the first number of its lines should be a clock: {first[:5]} does not rise"
            )
            self._refused += [size for _, size in self.done()]
        if clock is None or not self._lines:
            return None
        counts = [count for row in table for count in row[clock:]]
        if _too_large(counts):
            self.trouble = f"its lines hold {max(counts, key=abs)}, and counts have 24 bits at most"
            self._refused += [size for _, size in self.done()]
            return None
        pattern = _pattern(bodies[0])
        channels = len(table[0]) - clock
        return Form(pattern, channels, first if clock else (), checksum)

    def _has_clock(self, first: tuple[int, ...], columns: int) -> bool | None:
        """Whether the first number is a clock; None where more lines are needed to tell."""
        told = None if self._channels is None else self._channels == columns - 1
        if told is False or columns == 1 or (told is None and not looks_like_clock(first)):
            return False
        return True if len(first) >= _CLOCK_FROM else None


def _too_large(counts: Sequence[int]) -> bool:
    return max(counts) > LARGEST_COUNT or min(counts) < -LARGEST_COUNT - 1


def _like(line: bytes) -> bytes | None:
    """What lines of one form share; None where it is no line of numbers."""
    body = _checked(line) if b"*" in line else line
    if body is None or not _LINE.fullmatch(body):
        return None
    shape = _SPACE.sub(b" ", _MARK.sub(rb"\1", _NUMBERS.sub(b"0", body)))
    return shape + b"*" if b"*" in line else shape


def _pattern(body: bytes) -> re.Pattern[bytes]:
    """Matches lines like this one, whatever their numbers and the width of their spaces."""
    parts = []
    for part in re.split(rb"([ \t]*[,;:=][ \t]*|[ \t]+|(?<!\w)%b(?!\w))" % _NUMBER, body):
        if _NUMBERS.fullmatch(part):
            parts.append(rb"(%b)" % _NUMBER)
        elif _MARK.fullmatch(part):
            parts.append(rb"[ \t]*%b[ \t]*" % re.escape(part.strip()))
        else:
            parts.append(rb"[ \t]+" if part and not part.strip() else re.escape(part))
    return re.compile(b"".join(parts))


def _body(line: bytes) -> bytes:
    return line.rpartition(b"*")[0] if b"*" in line else line


def _checked(line: bytes) -> bytes | None:
    """The line without its checksum; None where that is missing or wrong."""
    found = _CHECKSUM.fullmatch(line)
    if found is None or reduce(xor, found[1], 0) != int(found[2], 16):
        return None
    return found[1]
