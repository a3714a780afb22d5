"""Counts in, a sensor on a pseudo-terminal out: genuine bytes, at the pace of the device."""

import fcntl
import os
import select
import termios
import time
import tty
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgeemg.errors import PortError
from firmware_bridge.devices.cyton_board import CytonBoard
from firmware_bridge.frames import Device

BOARDS = {"cyton": CytonBoard}

_IDLE_S = 0.05  # longest nap: how soon a stop is seen
_NAP_S = 0.002  # shortest nap, at high speed: several packets a wake-up instead of a busy loop
_BURST = 256  # packets a wake-up, at most, when catching up

_PTS = "/dev/pts/"


class Board(Protocol):
    """A device's behaviour without its line."""

    device: Device
    streaming: bool
    sent: int
    lost_on_air: int

    @property
    def finished(self) -> bool: ...
    def answer(self, command: bytes) -> tuple[bytes, float]: ...
    def packets(self, due: int) -> bytes: ...


class Emulator:
    """A board on a pseudo-terminal at `port_name`.

    link       a symbolic link to it that stays the same from run to run; removed at the end
    speed      1.0 is the device's own pace
    lossless   False: what a slow reader has no room for is dropped and counted, as a UART does;
               True: the board waits for the reader, as no sensor would
    linger_s   how long it stays, silent, after the last sample, so that a reader can drain

    `run` plays until the recording is over or `stop` is called; as a context manager it plays
    in a thread, and leaving it raises what went wrong there.
    """

    def __init__(
        self,
        board: Board,
        *,
        link: Path | None = None,
        speed: float = 1.0,
        lossless: bool = False,
        linger_s: float = 5.0,
    ) -> None:
        if not speed > 0:
            raise ValueError(f"speed must be above 0, got {speed}")
        self.board = board
        self.overflowed_bytes = 0
        self._speed = speed
        self._rate_hz = board.device.sample_rate_hz * speed
        self._lossless = lossless
        self._linger_s = linger_s
        # the slave end stays open here, so that readers can come and go
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.port_name = os.ttyname(self._slave)
        self._link = link
        if link is not None:
            self._make_link(link)
        self._stopped = False  # no Event: its lock is not safe in a signal handler
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="emulator")
        self._playing: Future[None] | None = None
        self._out = bytearray()
        self._busy_until_s = 0.0
        self._started_s = 0.0
        self._played = 0
        self._ended_s: float | None = None

    def run(self) -> None:
        """Play until the recording is over, or `stop`."""
        try:
            while not self._stopped:
                self._nap()
                self._listen()
                self._play()
        finally:
            self._close()

    def stop(self) -> None:
        """End `run` within 50 ms; may be called from a signal handler or another thread."""
        self._stopped = True

    def __enter__(self) -> Self:
        self._playing = self._pool.submit(self.run)
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()
        self._pool.shutdown()
        assert self._playing is not None
        self._playing.result()

    def _nap(self) -> None:
        """Until the next packet is due, a command comes, or there is room to write."""
        now_s = time.monotonic()
        wake_s = _IDLE_S
        if self._busy_until_s > now_s:
            time.sleep(min(self._busy_until_s - now_s, _IDLE_S))
            return
        if self.board.streaming and not self.board.finished and not self._out:
            due_s = self._started_s + (self._played + 1) / self._rate_hz
            wake_s = min(max(due_s - now_s, _NAP_S), _IDLE_S)
        select.select([self._master], [self._master] if self._out else [], [], wake_s)

    def _listen(self) -> None:
        if self._busy_until_s > time.monotonic():
            return
        self._send(b"")
        try:
            command = os.read(self._master, 1)
        except BlockingIOError:
            return
        was_streaming = self.board.streaming
        reply, delay_s = self.board.answer(command)
        if delay_s:
            self._busy_until_s = time.monotonic() + delay_s / self._speed
            self._out += reply
        else:
            self._send(reply)
        if self.board.streaming and not was_streaming:
            self._started_s, self._played = time.monotonic(), 0
        if was_streaming and not self.board.streaming and self.board.finished:
            self.stop()

    def _play(self) -> None:
        now_s = time.monotonic()
        if self._lossless and self._out:
            return
        if self.board.finished:
            self._ended_s = self._ended_s or now_s
            if now_s - self._ended_s > self._linger_s:
                self.stop()
            return
        self._ended_s = None
        if not self.board.streaming:
            return
        due = min(int((now_s - self._started_s) * self._rate_hz) - self._played, _BURST)
        if due > 0:
            self._played += due
            self._send(self.board.packets(due))

    def _send(self, packets: bytes) -> None:
        self._out += packets
        if not self._out:
            return
        with suppress(BlockingIOError):
            del self._out[: os.write(self._master, self._out)]
        if not self._out:
            return
        # a reader that died leaves its exclusive mark on a terminal that we hold open
        fcntl.ioctl(self._slave, termios.TIOCNXCL)
        if not self._lossless:
            self.overflowed_bytes += len(self._out)
            self._out.clear()

    def _is_left_behind(self, link: Path) -> bool:
        """Whether it pointed to a simulated port that is gone, or whose number is ours now."""
        target = str(link.readlink())
        return target == self.port_name or (target.startswith(_PTS) and not link.exists())

    def _make_link(self, link: Path) -> None:
        try:
            if link.is_symlink() and self._is_left_behind(link):
                link.unlink()  # left behind by a run that was killed; its number may be ours now
            link.symlink_to(self.port_name)
        except OSError as error:
            self._link = None
            self._close()
            raise PortError(
                f"{link}: cannot be made a link to the simulated port ({error.strerror}): "
                "remove what is there, or name another --link"
            ) from error

    def _close(self) -> None:
        link = self._link
        if link is not None and link.is_symlink() and str(link.readlink()) == self.port_name:
            link.unlink()
        os.close(self._master)
        os.close(self._slave)


def microvolts_to_counts(microvolts: ArrayLike, device: Device) -> NDArray[np.int32]:
    """(time, channel) microvolts -> (time, device.n_channels) counts, the exact inverse of reading.

    Rounded to the nearest count and clipped to the converter's range. NaN, and inputs that the
    recording has no channel for, become the lower rail: what an open input shows, and what a
    reader marks as not valid. Raises ValueError for more channels than the device has.
    """
    values: NDArray[np.float64] = np.asarray(microvolts, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] > device.n_channels:
        raise ValueError(f"wanted (time, up to {device.n_channels}), got {values.shape}")
    lowest = -device.rail_count - 1
    counts = np.full((len(values), device.n_channels), lowest, dtype=np.int32)
    whole = np.rint(values / device.microvolts_per_count)
    whole = np.where(np.isnan(whole), lowest, np.clip(whole, lowest, device.rail_count))
    counts[:, : values.shape[1]] = whole.astype(np.int32)
    return counts
