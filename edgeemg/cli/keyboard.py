"""Keys that a person presses in, single characters out, without waiting for Enter or for a key."""

import os
import select
import sys
import termios
import tty
from contextlib import suppress
from typing import Any, Self


def is_in_background(terminal: int) -> bool:
    """Whether another job has this terminal: a change of its settings would stop us for good."""
    try:
        return os.tcgetpgrp(terminal) != os.getpgrp()
    except OSError:  # no job control here
        return False


class Keyboard:
    """The terminal that stdin is, if it is one: as a context manager it reads single keys.

    Ctrl-C stays a signal; Ctrl-Z does nothing, because a stopped program loses samples.
    """

    def __init__(self) -> None:
        self.there = False
        self._terminal = -1
        self._before: list[Any] = []

    def __enter__(self) -> Self:
        if sys.stdin is None or not sys.stdin.isatty():
            return self
        self._terminal = sys.stdin.fileno()
        if is_in_background(self._terminal):
            return self
        try:
            self._before = termios.tcgetattr(self._terminal)
            tty.setcbreak(self._terminal)
            quiet = termios.tcgetattr(self._terminal)
            quiet[6][termios.VSUSP] = os.fpathconf(self._terminal, "PC_VDISABLE").to_bytes(1, "big")
            termios.tcsetattr(self._terminal, termios.TCSADRAIN, quiet)
        except (termios.error, OSError):
            return self  # not ours to read
        self.there = True
        return self

    def __exit__(self, *error: object) -> None:
        if self._before:
            with suppress(termios.error, OSError):  # the terminal may be gone
                termios.tcsetattr(self._terminal, termios.TCSAFLUSH, self._before)

    def pressed(self) -> str:
        """The keys since the last call; empty where there are none, or there is no keyboard."""
        if not self.there:
            return ""
        try:
            ready, _, _ = select.select([self._terminal], [], [], 0)
            if not ready:
                return ""
            keys = os.read(self._terminal, 64)
        except OSError:
            keys = b""
        if not keys:
            self.there = False  # the terminal was closed
        return keys.decode("utf-8", "replace")
