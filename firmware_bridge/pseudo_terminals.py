"""Bytes in, a pseudo-terminal that a driver can open out: the line of a simulated sensor."""

import fcntl
import os
import select
import termios
import tty
from contextlib import suppress
from pathlib import Path

from edgeemg.errors import PortError

_PTS = "/dev/pts/"
_ROOM_S = 0.1  # for a reader that this machine held up to make room: a driver's buffer is larger
_GONE = -1  # in the place of a file descriptor, while it is unplugged


class PseudoTerminal:
    """A line at `port_name`, which a reader opens as it would a serial port.

    link       a symbolic link to it that stays the same from run to run, and over a replug
    lossless   False: what a reader makes no room for within 0.1 s is dropped and counted, as by a
               driver with a full buffer; True: it waits for the reader, as no sensor would

    overflowed_bytes  dropped for want of a reader
    """

    def __init__(self, *, link: Path | None = None, lossless: bool = False) -> None:
        self.overflowed_bytes = 0
        self.port_name = ""
        self._link = link
        self._lossless = lossless
        self._master = self._slave = _GONE
        self._out = bytearray()
        self.plug()

    @property
    def plugged(self) -> bool:
        """Whether there is a port to open."""
        return self._master != _GONE

    @property
    def waiting(self) -> bool:
        """Whether something waits for the reader to make room."""
        return bool(self._out)

    def plug(self) -> None:
        """Make a port, and the link to it. PortError where the link cannot be made."""
        # the slave end stays open here, so that readers can come and go
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.port_name = os.ttyname(self._slave)
        if self._link is not None:
            self._make_link(self._link)

    def unplug(self) -> None:
        """The port is gone: its reader sees a hang-up, and the link is not there."""
        link = self._link
        if link is not None and link.is_symlink() and str(link.readlink()) == self.port_name:
            link.unlink()
        if not self.plugged:
            return
        os.close(self._master)
        os.close(self._slave)
        self._master = self._slave = _GONE
        self._out.clear()

    close = unplug

    def wait(self, seconds: float) -> None:
        """Until a command comes, there is room to write what waits, or the time is over."""
        if not self.plugged:
            select.select([], [], [], seconds)
            return
        select.select([self._master], [self._master] if self._out else [], [], seconds)

    def command(self) -> bytes:
        """One byte of what the host sent; empty where nothing waits."""
        if not self.plugged:
            return b""
        try:
            return os.read(self._master, 1)
        except BlockingIOError:
            return b""

    def send(self, more: bytes) -> None:
        """Write it, behind what waits."""
        if not self.plugged:
            return
        self._out += more
        if not self._out:
            return
        self._write()
        while self._out and not self._lossless and self._gets_room():
            if not self._write():
                break
        if not self._out:
            return
        # a reader that died leaves its exclusive mark on a terminal that we hold open
        fcntl.ioctl(self._slave, termios.TIOCNXCL)
        if not self._lossless:
            self.overflowed_bytes += len(self._out)
            self._out.clear()

    def _write(self) -> int:
        with suppress(BlockingIOError):
            written = os.write(self._master, self._out)
            del self._out[:written]
            return written
        return 0

    def _gets_room(self) -> bool:
        """Whether its reader makes some in time."""
        return bool(select.select([], [self._master], [], _ROOM_S)[1])

    def queue(self, reply: bytes) -> None:
        """Keep it until the next `send`."""
        self._out += reply

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
            self.close()
            raise PortError(
                f"{link}: cannot be made a link to the simulated port ({error.strerror}): "
                "remove what is there, or name another --link"
            ) from error
