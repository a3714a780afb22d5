"""A port's name in, bytes out; every failure is a PortError that names the port and the remedy."""

import errno
import fcntl
import os
import select
import termios
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

import serial
from serial.tools import list_ports

from edgeemg.errors import PortError
from firmware_bridge.resolving import latency_timer, latency_timer_ms

READ_TIMEOUT_S = 0.05  # longest that a read waits, so that its caller can look at the time
_WRITE_TIMEOUT_S = 1.0
_FULL_READ = 4095  # bytes the kernel's line discipline holds: after as many, more may wait
_LONGEST_READ = 1 << 16  # bytes
_LONGEST_GATHER_S = 0.1
_BITS = 10  # of a byte on a serial line, with start and stop
_LEAST_LATENCY_MS = 1

# All that a port does when it goes away, is refused, or is no port: pyserial wraps some errors
# of the system, and lets others through (in_waiting: EIO; a setting that races an unplug:
# termios.error, which is no OSError).
_FAILURES = (serial.SerialException, OSError, termios.error)


class Port:
    """A serial port that nobody else may open, with bulk reads.

    gather_s    how long a read goes on collecting after its first byte: fewer wake-ups, and
                bytes that are this much older at most, which no arrival time shows

    low_latency  whether the driver took the low-latency flag; a pseudo-terminal has none
    latency_ms   how long the adapter gathers bytes, read back after asking for 1 ms; None where
                 it has no such timer
    """

    def __init__(self, name: str, baud: int, *, gather_s: float = 0.004) -> None:
        self.name = name
        self._gather_s = gather_s
        try:
            self._serial = serial.Serial(
                name,
                baud,
                timeout=0,
                write_timeout=_WRITE_TIMEOUT_S,
                exclusive=True,
            )
        except _FAILURES as error:
            raise _cannot_open(name, error) from error
        try:
            # exclusive=True is a lock among those who ask; this one also keeps the others out
            fcntl.ioctl(self._serial.fileno(), termios.TIOCEXCL)
        except _FAILURES as error:
            self._serial.close()
            raise _cannot_open(name, error) from error
        self.low_latency = self._ask_low_latency()
        self.latency_ms = self._least_latency_ms()

    @property
    def baud(self) -> int:
        """Bits a second; setting it forgets what was received at the old one."""
        return int(self._serial.baudrate)

    @baud.setter
    def baud(self, baud: int) -> None:
        try:
            self._serial.baudrate = baud
            self._serial.reset_input_buffer()
        except _FAILURES as error:
            raise self._gone(error) from error

    @property
    def _most_gather_s(self) -> float:
        return min(_LONGEST_GATHER_S, _FULL_READ * _BITS / self.baud)

    def read(self, gather_s: float | None = None) -> bytes:
        """All that arrives within `gather_s` of a first byte; empty if none comes in 50 ms.

        gather_s  for this read alone, 0.1 s at most, and as much as the kernel holds of this baud
                  rate; None: as the port was opened with
        """
        chunk = b""
        nap_s = self._gather_s if gather_s is None else min(gather_s, self._most_gather_s)
        try:
            # not pyserial's read, which asks for a number of bytes and costs more
            while len(chunk) < _LONGEST_READ:
                ready, _, _ = select.select([self._serial.fileno()], [], [], READ_TIMEOUT_S)
                if not ready:
                    break
                if not chunk:
                    time.sleep(nap_s)
                part = os.read(self._serial.fileno(), _LONGEST_READ)
                if not part:
                    raise self._gone("it hung up")
                chunk += part
                if len(part) < _FULL_READ:
                    break
        except _FAILURES as error:
            raise self._gone(error) from error
        return chunk

    def write(self, command: bytes) -> None:
        """Send a command."""
        try:
            self._serial.write(command)
        except _FAILURES as error:
            raise self._gone(error) from error

    def close(self) -> None:
        """Let others open it again. Never raises: the port may be gone already."""
        if not self._serial.is_open:
            return
        with suppress(*_FAILURES):
            # else the mark would stay on a terminal that somebody else holds open
            fcntl.ioctl(self._serial.fileno(), termios.TIOCNXCL)
        with suppress(*_FAILURES):
            self._serial.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _ask_low_latency(self) -> bool:
        try:
            self._serial.set_low_latency_mode(True)
        except (AttributeError, NotImplementedError, ValueError, *_FAILURES):
            return False
        return True

    def _least_latency_ms(self) -> int | None:
        """What the flag made of the timer; where it did not do, the timer is set itself."""
        timer = latency_timer(self.name)
        if timer is not None and (latency_timer_ms(self.name) or 0) > _LEAST_LATENCY_MS:
            with suppress(OSError):  # only root may, unless a udev rule says otherwise
                timer.write_text(str(_LEAST_LATENCY_MS), encoding="ascii")
        return latency_timer_ms(self.name)

    def _gone(self, why: object) -> PortError:
        return PortError(
            f"{self.name}: lost in use ({why}): the sensor was unplugged, its simulator ended, "
            "or another program reads the same port; plug it in again"
        )


def _cannot_open(name: str, error: Exception) -> PortError:
    code = getattr(error, "errno", None)
    if code == errno.ENOENT:
        gone = f" (a link to {Path(name).readlink()}, which is gone)" if _is_link(name) else ""
        return PortError(f"{name}: no such serial port{gone}; {_others()}")
    if code in (errno.EBUSY, errno.EAGAIN):
        return PortError(
            f"{name}: busy, another program holds it; close that one ('fuser {name}' names it)"
        )
    if code in (errno.EACCES, errno.EPERM):
        return PortError(
            f"{name}: no permission to open it; join its group and log in again: "
            "sudo usermod -aG dialout $USER"
        )
    return PortError(f"{name}: cannot be opened as a serial port ({error}); {_others()}")


def _is_link(name: str) -> bool:
    return bool(name) and os.path.islink(name)  # noqa: PTH114  # Path("") would be the folder here


def _others() -> str:
    ports = sorted(port.device for port in list_ports.comports())
    if not ports:
        return "no serial port was found here: plug the sensor in"
    return f"serial ports here: {', '.join(ports)}"
