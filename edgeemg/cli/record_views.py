"""Scenes in, pictures on a terminal out, or lines of text where there is none that can show them.

Screen  draws on a terminal, never waiting for it
Plain   for a pipe or a file: a line for each prompt, and one every ten seconds
"""

import math
import os
import select
import shutil
import sys
from contextlib import suppress
from typing import Self

import click

from edgeemg.cli.keyboard import is_in_background
from edgeemg.cli.record_screen import Line, Scene, level_text, losses_text, picture, prompt_text

_STATUS_EVERY_S = 10.0
_LEAST_COLUMNS, _LEAST_ROWS = 40, 12
_PLAIN = "\x1b[0m"
_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
_LEAVE_S = 2.0  # longest wait for a terminal that does not take what is written


def open_view(terminal: int) -> "Screen | Plain":
    """A screen on the terminal that this descriptor is, where it is one that can show it."""
    shows = sys.stderr is not None and os.isatty(terminal) and os.environ.get("TERM") != "dumb"
    if not shows or is_in_background(terminal):
        return Plain()
    try:
        return Screen(terminal)
    except OSError:
        return Plain()


class Screen:
    """Draws on a terminal. A slow one misses pictures and delays nothing.

    OSError where it cannot be opened once more.
    """

    def __init__(self, terminal: int) -> None:
        self._file = _own_description(terminal)
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
            levels = ", ".join(f"{name} {level_text(level)}" for name, level in named)
            self.tell(f"{losses_text(scene)}; {levels}")

    def tell(self, text: str) -> None:
        """One line."""
        with suppress(OSError):  # nobody reads any more: the recording goes on
            click.echo(text, err=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass


def _own_description(terminal: int) -> int:
    """The terminal opened once more: that nothing waits for it must not spread to the shell."""
    flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY
    try:
        return os.open(os.ttyname(terminal), flags)
    except OSError:  # as after `su`: it belongs to somebody else
        os.tcgetpgrp(terminal)  # raises where it is not the one that /dev/tty means
        return os.open("/dev/tty", flags)
