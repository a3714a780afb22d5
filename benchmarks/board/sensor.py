"""A recording in; `edgeemg simulate` that plays it on a pseudo-terminal, and what it said, out."""

import array
import fcntl
import os
import re
import signal
import subprocess
import sys
import termios
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.board.tools import AHEAD, BoardError

_START_S = 60.0
_STOP_S = 30.0
_LOOK_S = 0.05
_DRAIN_S = 2.0
_SENT = re.compile(r"sent (\d+) samples, lost (\d+) on purpose, (\d+) bytes for want of a reader")


class Sensor:
    """A simulated Cyton that plays in a loop; a context manager.

    options  of `edgeemg simulate`, as in "--reboot", "20", "2"
    """

    def __init__(self, recording: Path, link: Path, *options: str) -> None:
        self.link = link
        self._command = [
            *AHEAD,
            *(sys.executable, "-m", "edgeemg", "simulate", str(recording)),
            *("--device", "cyton", "--link", str(link), "--loop", *options),
        ]
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.link.unlink(missing_ok=True)
        self._process = subprocess.Popen(  # noqa: S603  # our own verb
            self._command, stderr=subprocess.PIPE, text=True
        )
        deadline_s = time.monotonic() + _START_S
        while not self.link.exists():
            if self._process.poll() is not None or time.monotonic() > deadline_s:
                said = self._end()
                raise BoardError(f"the simulated sensor did not start: {said.strip()[-300:]}")
            time.sleep(_LOOK_S)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def hush(self) -> None:
        """Not a byte more; returns when what it sent has been taken, or nobody takes it.

        qemu 7.2 dies where a byte comes while the adapter is being taken out.
        """
        assert self._process is not None, "it plays"
        self._process.send_signal(signal.SIGSTOP)
        line = os.open(self.link, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            ends_s = time.monotonic() + _DRAIN_S
            while _waiting(line) and time.monotonic() < ends_s:
                time.sleep(_LOOK_S)
        finally:
            os.close(line)
        time.sleep(_LOOK_S)  # from qemu's hands into the guest's

    def stop(self) -> "Account":
        """Switch it off; what it counted."""
        said = self._end()
        found = _SENT.search(said)
        if found is None:
            raise BoardError(f"the simulated sensor did not count: {said.strip()[-300:]}")
        sent, lost, overflow = (int(number) for number in found.groups())
        return Account(sent, lost, overflow, said.strip().splitlines()[-1])

    def _end(self) -> str:
        process, self._process = self._process, None
        if process is None:
            return ""
        process.terminate()
        process.send_signal(signal.SIGCONT)  # it may have been hushed
        try:
            return process.communicate(timeout=_STOP_S)[1]
        except subprocess.TimeoutExpired:
            process.kill()
            return process.communicate()[1]


@dataclass(frozen=True, slots=True)
class Account:
    """What `edgeemg simulate` counted.

    sent      samples put on the line
    lost      samples lost on purpose (a reboot that was asked for)
    overflow  bytes for which the pseudo-terminal had no room: the board did not read in time
    line      all of it, in its own words
    """

    sent: int
    lost: int
    overflow: int
    line: str


def _waiting(line: int) -> int:
    """Bytes in a terminal that its reader has not taken."""
    count = array.array("i", [0])
    fcntl.ioctl(line, termios.FIONREAD, count)
    return count[0]
