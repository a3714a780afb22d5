"""Decisions in, one JSON object a line out, on a file descriptor: stdout or the end of a file.

Written without a buffer of our own: what a full disk cut off is carried on where it was cut, and a
reader that stalled leaves no lock behind.
"""

import os
import select
import stat
from pathlib import Path

from edgeemg.errors import SinkError
from edgeemg.runtime.outbox import OverError, Place
from edgeemg.runtime.sinks import Decision


class StdoutLines(Place):
    """Lines on a descriptor that stays the caller's. A reader that went away ends the run.

    A pipe that has room gets its line from the loop's own thread.
    """

    def __init__(self, descriptor: int, *, ascii_only: bool) -> None:
        self._ascii_only = ascii_only
        self._line = _Line(ascii_only=ascii_only)
        self._descriptor = descriptor
        self._without_wait = _opened_without_wait(descriptor)

    def at_once(self, decision: Decision) -> bool:
        """Write the line where the pipe takes all of it now; OverError where nobody reads."""
        if self._without_wait is None:
            return False
        line = (decision.as_json(ascii_only=self._ascii_only) + "\n").encode()
        if len(line) > select.PIPE_BUF:  # a shorter one goes as a whole, or not at all
            return False
        try:
            os.write(self._without_wait, line)
        except BrokenPipeError as error:
            raise _over(error) from error
        except OSError:
            return False
        return True

    def deliver(self, decision: Decision) -> None:
        """Write the line; OverError where nobody reads any more."""
        try:
            self._line.write(self._descriptor, decision)
        except BrokenPipeError as error:
            raise _over(error) from error
        except OSError as error:
            raise SinkError(f"cannot write decisions to stdout ({error.strerror})") from error

    def close(self) -> None:
        """Let go of the pipe; all that was written is in it."""
        if self._without_wait is not None:
            os.close(self._without_wait)
            self._without_wait = None


class FileLines(Place):
    """Lines at the end of a file, found again where it was moved away or its disk came back.

    Raises SinkError where the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._line = _Line(ascii_only=False)
        self._path = path
        self._descriptor = -1
        try:
            self._open()
        except OSError as error:
            raise SinkError(f"cannot write decisions to {path} ({error.strerror})") from error

    def deliver(self, decision: Decision) -> None:
        """Write the line; SinkError where the disk is full or gone."""
        try:
            if self._is_moved():
                self.close()
                self._open()
            self._line.write(self._descriptor, decision)
        except OSError as error:
            raise SinkError(f"cannot write decisions to {self._path} ({error.strerror})") from error

    def close(self) -> None:
        """Close the file; all that was written is in it."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _is_moved(self) -> bool:
        if self._descriptor < 0:
            return True
        try:
            return not os.path.samestat(self._path.stat(), os.fstat(self._descriptor))
        except FileNotFoundError:
            return True

    def _open(self) -> None:
        # without O_NONBLOCK, a pipe that nobody reads yet would wait here for ever
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK
        self._descriptor = os.open(self._path, flags, 0o644)
        self._line.begin_anew(after_half_a_line=_ends_in_half_a_line(self._path))


class _Line:
    """The line that is being written, so that the rest of it follows when there is room again."""

    def __init__(self, *, ascii_only: bool) -> None:
        self._ascii_only = ascii_only
        self._decision: Decision | None = None
        self._rest = b""
        self._break_first = False

    def begin_anew(self, *, after_half_a_line: bool) -> None:
        """Another file: what a power cut left in it must not spoil the next line."""
        self._decision = None
        self._break_first = after_half_a_line

    def write(self, descriptor: int, decision: Decision) -> None:
        """All of the line, or OSError with the rest of it kept for the same decision."""
        if self._decision is not decision:
            self._decision = decision
            text = decision.as_json(ascii_only=self._ascii_only)
            self._rest = b"\n" * self._break_first + text.encode() + b"\n"
        while self._rest:
            self._rest = self._rest[os.write(descriptor, self._rest) :]
            self._break_first = False
        self._decision = None


def _over(error: OSError) -> OverError:
    return OverError(f"cannot write decisions to stdout ({error.strerror}): its reader is gone")


def _opened_without_wait(descriptor: int) -> int | None:
    """The same pipe, opened anew so that a write never waits; None where it is no pipe of ours.

    The caller's own descriptor is left as it is: O_NONBLOCK would hold for all who share it.
    """
    if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        return None
    try:
        return os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return None


def _ends_in_half_a_line(path: Path) -> bool:
    about = path.stat()
    if not stat.S_ISREG(about.st_mode) or not about.st_size:
        return False
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"
