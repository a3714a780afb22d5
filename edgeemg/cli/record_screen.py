"""The state of a recording in, lines of text that fit a terminal of 80 x 24 out; pure."""

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from edgeemg.data.level_meter import Level
from edgeemg.data.prompting import Phase

_LEAST_METER = 20  # columns
_NARROW = 30  # up to here a channel has no bar
_VERY_NARROW = 26  # below this a fault takes the place of the microvolts
_BAR_DECADES = 4.0  # the bar of a channel goes from 1 to 10,000 microvolts
_STYLES = {
    Phase.SAY: "\x1b[1;30;42m",
    Phase.READY: "\x1b[1;30;43m",
    Phase.RELAX: "\x1b[0;37;44m",
    Phase.PAUSED: "\x1b[1;37;41m",
    Phase.DONE: "\x1b[1m",
}
_ALARM = "\x1b[1;31m"
KEYS = "space pause or go on    u undo the last word    q finish and keep"
_FEW_KEYS = "space pause   u undo   q finish"


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
    top += [
        Line(_progress(scene)),
        Line(losses_text(scene), _ALARM if scene.lost else ""),
        Line(""),
    ]
    bottom = [Line(text) for text in scene.messages[-2:]]
    keys = KEYS if len(KEYS) <= columns else _FEW_KEYS
    bottom += [Line(keys if scene.has_keys else "Ctrl-C finishes and keeps")]
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


def losses_text(scene: Scene) -> str:
    """How much came, and how much did not."""
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
    hidden: list[Line] = []
    if len(named) > most * rows:
        # no room for all: those that need a look go first
        named.sort(key=lambda one: one[1].fault is None)
        rows -= rows > 1
        hidden = [Line(f"{len(named) - most * rows} more channels not shown")]
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
    return lines + hidden


def _meter(name: str, level: Level, width: int) -> str:
    if width <= _NARROW:
        label = _pad(_cut(name, 7), 7)
        flag = level.fault.upper() if level.fault else "hum" * bool(level.hum_hz)
        if level.fault and width < _VERY_NARROW:
            return f"{label}{flag:>9}"
        return f"{label}{_microvolts(level.rms_uv):>9} {flag}"
    label = _pad(_cut(name, 10), 10)
    room = width - len(label) - 25
    bar = ""
    if room >= 5:
        loudness = 0.0 if math.isnan(level.rms_uv) else math.log10(max(1.0, level.rms_uv))
        full = round(room * min(1.0, loudness / _BAR_DECADES))
        bar = "|" * full + "." * (room - full) + " "
    return f"{label}{_microvolts(level.rms_uv):>9} {bar}{_flag(level)}"


def level_text(level: Level) -> str:
    """One channel in a few characters."""
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
