"""The state of a recording in, lines of text for a person out: a screen of 80 x 24, or plain lines.

Scene    what there is to see, a plain value
picture  Scene -> lines that fit a terminal; pure
Screen   draws pictures on a terminal, never waiting for it
Plain    for a pipe or a file: a line for each prompt, and one every ten seconds
"""

import math
import os
import select
import shutil
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple, Self

import click

from edgeemg.data.level_meter import Level
from edgeemg.data.prompting import Phase

_STATUS_EVERY_S = 10.0
_LEAST_COLUMNS, _LEAST_ROWS = 40, 12
_LEAST_METER = 20  # columns
_BAR_DECADES = 4.0  # the bar of a channel goes from 1 to 10,000 microvolts
_STYLES = {
    Phase.SAY: "\x1b[1;30;42m",
    Phase.READY: "\x1b[1;30;43m",
    Phase.RELAX: "\x1b[0;37;44m",
    Phase.PAUSED: "\x1b[1;37;41m",
    Phase.DONE: "\x1b[1m",
}
_ALARM = "\x1b[1;31m"
_PLAIN = "\x1b[0m"
_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
_LEAVE_S = 2.0  # longest wait for a terminal that does not take what is written
KEYS = "space pause or go on    u undo the last word    q finish and keep"


@dataclass(frozen=True, slots=True)
class Scene:
    """All that can be seen of a recording at one moment.

    elapsed_s, length_s  of the phase
    holds     why it is paused, in words
    lost      samples that never came, of `expected`; None where this sensor cannot tell
    disk_s    how long the free space lasts
    messages  the latest of what was told, oldest first
    """

    title: str
    phase: Phase
    word: str
    elapsed_s: float
    length_s: float
    holds: str
    kept: int
    total: int
    to_repeat: int
    undone: int
    left_s: float
    recorded_s: float
    lost: int | None
    expected: int
    disk_s: float
    channels: Sequence[str]
    levels: Sequence[Level]
    messages: Sequence[str]
    has_keys: bool


class Line(NamedTuple):
    """Text, and the escape sequence that it stands behind."""

    text: str
    style: str = ""


def picture(scene: Scene, columns: int, rows: int) -> list[Line]:
    """At most `rows` lines of at most `columns` characters."""
    top = [Line(scene.title), Line(""), *_prompt(scene, columns), Line("")]
    top += [Line(_progress(scene)), Line(_losses(scene), _ALARM if scene.lost else ""), Line("")]
    bottom = [Line(text) for text in scene.messages[-2:]]
    bottom += [Line(KEYS if scene.has_keys else "Ctrl-C finishes and keeps")]
    room = max(1, rows - len(top) - len(bottom))
    whole = [*top, *_meters(scene, columns, room), *bottom][:rows]
    return [Line(_cut(one.text, columns), one.style) for one in whole]


def prompt_text(phase: Phase, word: str, holds: str) -> str:
    """What the person is to do, in a few words."""
    if phase is Phase.SAY:
        return f"say: {word}"
    if phase is Phase.READY:
        return f"get ready: {word}"
    if phase is Phase.PAUSED:
        return f"paused: {holds}"
    return "relax" if phase is Phase.RELAX else "done"


class Screen:
    """Draws on the terminal that stderr is. A slow terminal misses pictures and delays nothing."""

    def __init__(self, terminal: int) -> None:
        # a description of its own: not waiting must not spread to the shell's
        flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY
        self._file = os.open(os.ttyname(terminal), flags)
        self._colour = "NO_COLOR" not in os.environ

    def show(self, scene: Scene, now_s: float) -> None:  # noqa: ARG002  # as Plain.show
        """Draw it over what is there."""
        size = shutil.get_terminal_size()
        with suppress(OSError):
            size = os.get_terminal_size(self._file)
        columns, rows = max(size.columns, _LEAST_COLUMNS), max(size.lines, _LEAST_ROWS)
        lines = (self._painted(line) for line in picture(scene, columns - 1, rows))
        self._write("\x1b[H" + "\r\n".join(f"{line}\x1b[K" for line in lines) + "\x1b[J")

    def tell(self, text: str) -> None:
        """What is told meanwhile stands in the scene."""

    def __enter__(self) -> Self:
        self._write(_ENTER)
        return self

    def __exit__(self, *error: object) -> None:
        with suppress(OSError):  # the terminal should be left as it was: wait for it, not for ever
            select.select([], [self._file], [], _LEAVE_S)
        self._write(_PLAIN + _LEAVE)
        os.close(self._file)

    def _painted(self, line: Line) -> str:
        if not line.style:
            return line.text
        style = line.style if self._colour else "\x1b[1m"
        return f"{style}{line.text}{_PLAIN}"

    def _write(self, text: str) -> None:
        with suppress(OSError):  # no room for it, or the terminal is gone: the recording goes on
            os.write(self._file, text.encode())


class Plain:
    """Lines on stderr: each prompt once, and every ten seconds how it stands."""

    def __init__(self) -> None:
        self._said = ""
        self._status_s = -math.inf

    def show(self, scene: Scene, now_s: float) -> None:
        """Say what is new."""
        text = prompt_text(scene.phase, scene.word, scene.holds)
        if text != self._said:
            self._said = text
            self.tell(f"{text}  ({scene.kept} of {scene.total} done)")
        if now_s - self._status_s >= _STATUS_EVERY_S and any(
            not math.isnan(one.rms_uv) for one in scene.levels
        ):
            self._status_s = now_s
            named = zip(scene.channels, scene.levels, strict=True)
            levels = ", ".join(f"{name} {_level(level)}" for name, level in named)
            self.tell(f"{_losses(scene)}; {levels}")

    def tell(self, text: str) -> None:
        """One line."""
        with suppress(OSError):  # nobody reads any more: the recording goes on
            click.echo(text, err=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass


def clock(seconds: float) -> str:
    """83.2 -> 1:23; 7384 -> 2:03:04."""
    if not math.isfinite(seconds):
        return "?"
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _prompt(scene: Scene, columns: int) -> list[Line]:
    style = _STYLES[scene.phase]
    text = prompt_text(scene.phase, scene.word, scene.holds)
    text = _cut(text, columns)
    gap = columns - _width(text)
    middle = " " * (gap // 2) + text + " " * (gap - gap // 2)
    blank = Line(" " * columns, style)
    return [blank, Line(middle, style), blank, Line(_countdown(scene, columns))]


def _countdown(scene: Scene, columns: int) -> str:
    if scene.phase in (Phase.PAUSED, Phase.DONE) or scene.length_s <= 0:
        return ""
    done = min(1.0, max(0.0, scene.elapsed_s / scene.length_s))
    room = columns - 10
    full = round(done * room)
    left_s = max(0.0, scene.length_s - scene.elapsed_s)
    return f"[{'#' * full}{'.' * (room - full)}] {left_s:4.1f} s"


def _progress(scene: Scene) -> str:
    parts = [f"done {scene.kept} of {scene.total}"]
    parts += [f"{scene.to_repeat} to repeat"] * bool(scene.to_repeat)
    parts += [f"{scene.undone} undone"] * bool(scene.undone)
    return "    ".join([*parts, f"left {clock(scene.left_s)}"])


def _losses(scene: Scene) -> str:
    lost = "loss cannot be seen"
    if scene.lost is not None:
        share = 100 * scene.lost / max(1, scene.expected)
        lost = f"lost {scene.lost} ({share:.2f} %)" if scene.lost else "lost 0"
    return f"recorded {clock(scene.recorded_s)}    {lost}    disk lasts {_lasting(scene.disk_s)}"


def _lasting(seconds: float) -> str:
    if seconds < 2 * 3600:
        return f"{seconds // 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 3.6e6 else "over 1000 h"


def _meters(scene: Scene, columns: int, rows: int) -> list[Line]:
    """Every channel, side by side in as many columns as the rows make necessary."""
    named = list(zip(scene.channels, scene.levels, strict=True))
    most = max(1, columns // _LEAST_METER)
    if len(named) > most * rows:
        # no room for all: those that need a look go first
        named.sort(key=lambda one: one[1].fault is None)
        named = named[: most * rows]
    side_by_side = max(1, math.ceil(len(named) / rows))
    width = columns // side_by_side
    per_column = math.ceil(len(named) / side_by_side)
    lines = []
    for row in range(per_column):
        here = named[row::per_column]
        text = "".join(
            _pad(_cut(_meter(name, level, width), width - 1), width) for name, level in here
        )
        alarm = any(level.fault for _, level in here)
        lines.append(Line(text.rstrip(), _ALARM if alarm else ""))
    return lines


def _meter(name: str, level: Level, width: int) -> str:
    label = _pad(_cut(name, 10), 10) if width > 30 else _pad(_cut(name, 7), 7)
    room = width - len(label) - 25
    bar = ""
    if room >= 5:
        loudness = 0.0 if math.isnan(level.rms_uv) else math.log10(max(1.0, level.rms_uv))
        full = round(room * min(1.0, loudness / _BAR_DECADES))
        bar = "|" * full + "." * (room - full) + " "
    return f"{label}{_microvolts(level.rms_uv):>9} {bar}{_flag(level)}"


def _level(level: Level) -> str:
    return " ".join(filter(None, (_microvolts(level.rms_uv), _flag(level))))


def _flag(level: Level) -> str:
    if level.fault is not None:
        return level.fault.upper()
    return f"hum {_microvolts(level.hum_uv)}" if level.hum_hz else ""


def _microvolts(rms_uv: float) -> str:
    if math.isnan(rms_uv):
        return "-"
    return f"{rms_uv:.1f} uV" if rms_uv < 1000 else f"{rms_uv / 1000:.1f} mV"


def _width(text: str) -> int:
    """Columns of a terminal that a text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(one) else 1 + (unicodedata.east_asian_width(one) in "WF")
        for one in text
    )


def _cut(text: str, columns: int) -> str:
    while text and _width(text) > columns:
        text = text[:-1]
    return text


def _pad(text: str, columns: int) -> str:
    return text + " " * (columns - _width(text))
