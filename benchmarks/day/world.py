"""A simulated sensor in; hours of its samples in minutes out, with what goes wrong on request.

The world has a clock of its own, in a file: it stands still until what was sent has been read and
decided, so that the program under test is never late because this machine is busy or because the
hours are short. Only where the sensor is away does the clock move on without it.
"""

import fcntl
import mmap
import select
import struct
import termios
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from firmware_bridge.boards import Board
from firmware_bridge.pseudo_terminals import PseudoTerminal

SPEED = 200.0  # by which naps of the program under test are shorter
_STEP_S = 0.4  # of samples at once: a terminal holds 4 KiB
_AHEAD_S = 2.0  # of samples that may be on their way to a decision
_AWAY_NAP_S = 0.002  # of this machine's time, a step without a sensor
_BUSY_NAP_S = 0.01
_ROOM_S = 0.02  # for its reader to make room, where it may be away
_DRAIN_S = 1.0
_LOOK_S = 0.02  # for its reader to look at the clock, behind a read
_STUCK_S = 60.0  # of this machine's time without any progress
_SETTLED_S = 300.0  # the same, until all is decided
_PATIENCE_S = 3.0  # of the same, until time passes all the same: its reader may need a beacon


class StuckError(Exception):
    """The program under test does not come on, or not to where it should be."""


class _Line(PseudoTerminal):
    """A line that waits for its reader until it is told not to, and knows what was not read."""

    def drop(self) -> None:
        """What waits for room is lost, as on a line whose reader is away."""
        self.overflowed_bytes += len(self._out)
        self._out.clear()

    @property
    def unread(self) -> int:
        """Bytes; 0 while it is unplugged."""
        # a look also waits for what is between the two ends, where the number alone leaves it out
        if not self.plugged or not select.select([self._slave], [], [], 0)[0]:
            return 0
        told = fcntl.ioctl(self._slave, termios.FIONREAD, bytes(4))
        return int(struct.unpack("i", told)[0])


class World:
    """A board on a pseudo-terminal, and the only clock that it and its reader have.

    heard    what the reader has decided up to: the index of the last sample of the last hop

    passed   samples since the board was started for the first time: every one has its index
    rate_hz  of the samples, by this clock
    clock_path, link   what the reader is given
    """

    def __init__(self, board: Board, folder: Path, heard: Callable[[], int]) -> None:
        self.passed = 0
        self.clock_path, self.link = folder / "clock", folder / "port"
        self.clock_path.write_bytes(struct.pack("d", 1000.0))
        with self.clock_path.open("r+b") as file:
            self._now = memoryview(mmap.mmap(file.fileno(), 8)).cast("d")
        self._board, self._heard = board, heard
        self.rate_hz = board.stream.sample_rate_hz
        self._began_s: float | None = None
        self._line = _Line(link=self.link, lossless=True)
        self._rng = np.random.default_rng(0)
        self._calm_from = 0  # from this sample on its reader can be expected to keep up
        self._step = max(1, round(_STEP_S * self.rate_hz / board.samples_per_frame))
        self._step *= board.samples_per_frame
        self._careful_to = 0  # until this sample was decided, time moves frame by frame
        self._tries = 0  # to catch up, in a row
        board.rewinds = False

    def close(self) -> None:
        """The port is gone."""
        self._line.close()

    def start(self, alive: Callable[[], bool]) -> None:
        """Let time pass until the reader starts the board. StuckError where it does not."""
        ends_s = time.monotonic() + _STUCK_S
        while not self._board.streaming:
            if time.monotonic() > ends_s or not alive():
                raise StuckError("the sensor was never started")
            self.idle(0.05)
        self._began_s = self._now[0]

    def idle(self, seconds: float) -> None:
        """Time passes, and the sensor answers, and sends nothing."""
        self._now[0] += seconds
        self._answer()
        time.sleep(_AWAY_NAP_S)

    def play(self, seconds: float) -> None:
        """All is well for so long."""
        ends = self.passed + round(seconds * self.rate_hz)
        while self.passed < ends:
            self._send(b"".join(self._pass()))

    def garbage(self, seconds: float) -> None:
        """Bits of what is sent flip, and bytes come that nobody sent."""
        ends = self.passed + round(seconds * self.rate_hz)
        while self.passed < ends:
            sent = np.frombuffer(b"".join(self._pass()), np.uint8).copy()
            hit = self._rng.random(len(sent)) < 0.002
            sent[hit] ^= self._rng.integers(1, 256, int(hit.sum())).astype(np.uint8)
            noise = self._rng.integers(0, 256, int(self._rng.integers(1, 300))).astype(np.uint8)
            self._upset()
            self._send(sent.tobytes() + noise.tobytes())

    def stall(self, seconds: float) -> None:
        """Nothing arrives of what it sends."""
        self._away(seconds)

    def unplug(self, seconds: float) -> None:
        """The port is gone; the sensor goes on."""
        self._line.unplug()
        self._away(seconds)
        self._line.plug()

    def reboot(self, seconds: float) -> None:
        """The sensor has no power for so long, and has forgotten all.

        Its reader knows by the clock alone how long that was. So no read may end within what was
        sent at one time of the clock: from here on that is one frame, which comes whole.
        """
        self._board.streaming = False
        self._away(seconds)
        self._careful_to = self.passed
        self._line.send(self._board.restart())

    def settle(self) -> None:
        """Wait until all that was sent has been read, and decided; time passes only if it must."""
        self._wait_until(lambda: not self._line.unread, _STUCK_S)
        ends_s = time.monotonic() + _SETTLED_S
        while not self._catches_up(self._step):
            if time.monotonic() > ends_s:  # it goes on, and its index is another one
                raise self._stuck()
            self._send(b"".join(self._pass()))

    def _catches_up(self, most_behind: int) -> bool:
        """Whether its reader soon has decided all but so many samples; StuckError if it never does.

        It cannot where it missed a beacon and waits for the next one: then time has to pass.
        """
        self._tries += 1
        if self._wait_until(lambda: self.passed - self._heard() <= most_behind, _PATIENCE_S):
            self._tries = 0
        elif self._tries * _PATIENCE_S >= _STUCK_S:
            raise self._stuck()
        return not self._tries

    def _stuck(self) -> StuckError:
        return StuckError(f"{self.passed} samples have passed, decided up to {self._heard()}")

    def _away(self, seconds: float) -> None:
        ends = self.passed + round(seconds * self.rate_hz)
        while self.passed < ends:
            self._pass()
            self._answer(powered=False)
            self._upset()
            time.sleep(_AWAY_NAP_S)

    def _upset(self) -> None:
        self._calm_from = self.passed + round(20 * self.rate_hz)

    def _pass(self) -> list[bytes]:
        """One step of time; the frames that the board makes in it, if it streams."""
        assert self._began_s is not None, "the world is started first"
        step = self._board.samples_per_frame if self._is_careful() else self._step
        self.passed += step
        self._now[0] = self._began_s + self.passed / self.rate_hz
        if self._board.streaming:
            return self._board.frames(step)
        self._board.skip(step)
        return []

    def _send(self, sent: bytes) -> None:
        self._line.send(sent)
        self._answer()
        ahead = round(_AHEAD_S * self.rate_hz)
        behind = self.passed < self._calm_from and self.passed - self._heard() > ahead
        if behind and not self._is_careful():
            # it reads and has not decided: perhaps only because this machine is busy
            time.sleep(_AWAY_NAP_S if self._line.unread else _BUSY_NAP_S)
            self._wait_until(lambda: not self._line.waiting, _ROOM_S)
            self._line.drop()
            return
        ends_s = time.monotonic() + _DRAIN_S
        while (self._line.waiting or self._line.unread) and time.monotonic() < ends_s:
            time.sleep(0)
            self._line.send(b"")
        if self._is_careful():
            time.sleep(_LOOK_S)
        if not behind:
            self._catches_up(ahead)

    def _is_careful(self) -> bool:
        return self._heard() < self._careful_to

    def _wait_until(self, done: Callable[[], bool], patience_s: float) -> bool:
        """Whether it is done in time; meanwhile the sensor answers, and what waits is sent."""
        ends_s = time.monotonic() + patience_s
        while not done():
            if time.monotonic() > ends_s:
                return False
            self._answer()
            self._line.send(b"")
            time.sleep(0.0005)
        return True

    def _answer(self, *, powered: bool = True) -> None:
        while command := self._line.command():
            if powered:
                self._line.send(self._board.answer(command)[0])
