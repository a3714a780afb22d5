"""Decisions in, UDP datagrams out: one JSON object each."""

import socket
from contextlib import suppress
from typing import Any

from edgeemg.errors import SinkError
from edgeemg.runtime.outbox import LostError, Place
from edgeemg.runtime.sink_address import parse_sink_url
from edgeemg.runtime.sinks import Decision

EXAMPLE = "udp://HOST:PORT"


def parse_udp(text: str) -> tuple[str, int]:
    """udp://HOST:PORT -> host and port; SinkError where either is missing."""
    url = parse_sink_url(text, EXAMPLE)
    if not url.host or not url.port or url.path:
        raise SinkError(f"a sink such as {EXAMPLE} was wanted, got {text!r}")
    return url.host, url.port


class Udp(Place):
    """Datagrams to one address of a host, looked up anew after every error.

    A connected socket hears, at the next datagram, that nobody listened to the last one; the one
    counts for the other. A host may have several addresses, as localhost has ::1 and 127.0.0.1:
    where nobody listens at one, the next has its turn.
    """

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._socket: socket.socket | None = None
        self._refusals = 0

    def deliver(self, decision: Decision) -> None:
        """Send one datagram; SinkError where the network cannot, LostError where nobody listens."""
        datagram = decision.as_json().encode()
        try:
            if self._socket is None:
                self._socket = self._connected()
            self._socket.send(datagram)
        except ConnectionRefusedError as error:
            self._send_to_the_next(datagram)
            raise LostError(f"nobody listens at {self._host}:{self._port}") from error
        except OSError as error:
            self.close()
            reason = error.strerror or error
            raise SinkError(f"cannot send to {self._host}:{self._port} ({reason})") from error

    def _send_to_the_next(self, datagram: bytes) -> None:
        """Nothing was sent: the answer to the last one came in between."""
        self.close()
        self._refusals += 1
        with suppress(OSError):
            self._socket = self._connected()
            self._socket.send(datagram)

    def close(self) -> None:
        """Close the socket; what was sent is gone."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connected(self) -> socket.socket:
        found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_DGRAM)
        first = self._refusals % len(found)
        *others, last = found[first:] + found[:first]
        for family, _, _, _, address in others:
            with suppress(OSError):  # as of an IPv6 address where there is no IPv6
                return _connected_to(family, address)
        return _connected_to(last[0], last[4])


def _connected_to(family: int, address: Any) -> socket.socket:
    made = socket.socket(family, socket.SOCK_DGRAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        made.connect(address)
    except OSError:
        made.close()
        raise
    return made
