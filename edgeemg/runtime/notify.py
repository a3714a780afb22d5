"""What the service manager asked for in, in the environment; messages to it out.

The protocol is sd_notify(3), https://www.freedesktop.org/software/systemd/man/sd_notify.html: lines
NAME=VALUE in a datagram to the socket that NOTIFY_SOCKET names. Without that variable, or with a
manager that went away, nothing here does anything, and nothing here ever raises.
"""

import os
import socket
import time
from collections.abc import Callable, Mapping
from typing import Self

from edgeemg.dsp.samples import Samples

_PATIENCE_S = 1.0  # for what the manager waits for; a kick that finds no room is not waited with
_KICKS = 4  # in the manager's patience: sd_watchdog_enabled(3) asks for two at least
_STATUS_EVERY_S = 10.0
_LONGEST_STATUS = 400  # characters: it is one line of `systemctl status`


class Notifier:
    """Tells the service manager how the runtime is doing.

    address     of its socket: a path, or @NAME for an abstract one; None: there is no manager
    watchdog_s  the manager ends a process that was silent for so long; None: it waits for ever
    """

    def __init__(self, address: str | None, *, watchdog_s: float | None = None) -> None:
        self._address = address
        self._socket: socket.socket | None = None
        self.watchdog_s = watchdog_s if address is not None else None
        self.unheard = 0  # messages that did not reach it

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """What NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID ask of this very process."""
        address = environment.get("NOTIFY_SOCKET", "")
        if not address.startswith(("/", "@")):  # others are for virtual machines
            return cls(None)
        return cls(address, watchdog_s=_watchdog_s(environment))

    @property
    def listened_to(self) -> bool:
        """Whether there is a manager to tell anything."""
        return self._address is not None

    def ready(self, status: str = "") -> None:
        """The sensor streams, or the bundle was read again."""
        self._tell("READY=1", status)

    def reloading(self) -> None:
        """The bundle is read again; `ready` says when it was."""
        now_us = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={now_us}")

    def stopping(self, status: str = "") -> None:
        """It ends because it was asked to: the last message, so the socket is let go of."""
        self._tell("STOPPING=1", status)
        self.close()

    def status(self, text: str) -> None:
        """One line about how it goes, as `systemctl status` shows it."""
        self._tell("", text, patience_s=0)

    def kick(self) -> None:
        """It lives: the manager's patience begins anew."""
        self._tell("WATCHDOG=1", patience_s=0)

    def close(self) -> None:
        """Let go of the socket."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _tell(self, message: str, status: str = "", *, patience_s: float = _PATIENCE_S) -> None:
        if self._address is None:
            return
        if status:
            line = " ".join(status.split())[:_LONGEST_STATUS]
            message = f"{message}\nSTATUS={line}" if message else f"STATUS={line}"
        name = f"\0{self._address[1:]}" if self._address[0] == "@" else self._address
        try:
            if self._socket is None:
                self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.settimeout(patience_s)
            # by name each time: a manager that was restarted has another socket of that name
            self._socket.sendto(message.encode(errors="replace"), name)
        except OSError:
            self.unheard += 1


class Watchdog:
    """Kicks from inside the decision loop, so that a loop that hangs is noticed.

    is_alive  whether the reader of the sensor still runs: a loop without one would wait for ever
    status    one line about how it goes; told at most every 10 s
    clock     monotonic seconds
    """

    def __init__(
        self,
        notifier: Notifier,
        is_alive: Callable[[], bool],
        *,
        status: Callable[[], str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._notifier = notifier
        self._is_alive = is_alive
        self._status = status if notifier.listened_to else None
        self._clock = clock
        watchdog_s = notifier.watchdog_s
        self._every_s = None if watchdog_s is None else watchdog_s / _KICKS
        self._kick_s = self._status_s = clock()

    def see(self, samples: Samples) -> None:  # noqa: ARG002  # a watcher's signature
        """Called at least every 0.5 s, with or without samples: kicks and tells when due."""
        if self._every_s is None and self._status is None:
            return
        now_s = self._clock()
        if self._every_s is not None and now_s >= self._kick_s and self._is_alive():
            self._kick_s = now_s + self._every_s
            self._notifier.kick()
        if self._status is not None and now_s >= self._status_s:
            self._status_s = now_s + _STATUS_EVERY_S
            self._notifier.status(self._status())

    def hear(self, said: object, verdict: object, latency_ms: float) -> None:
        """Nothing: time passes in `see`."""


def _watchdog_s(environment: Mapping[str, str]) -> float | None:
    """Seconds; None where the manager watches nobody, or another process."""
    pid, usec = environment.get("WATCHDOG_PID", ""), environment.get("WATCHDOG_USEC", "")
    if pid and pid != str(os.getpid()):
        return None
    return int(usec) / 1e6 if usec.isascii() and usec.isdigit() and int(usec) > 0 else None
