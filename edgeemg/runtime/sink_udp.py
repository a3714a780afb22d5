"""Decisions in, UDP datagrams out: one JSON object each."""

import socket
from contextlib import suppress

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
    """Datagrams to one address, looked up anew after every error.

    A connected socket hears, at the next datagram, that nobody listened to the last one; the one
    counts for the other.
    """

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._socket: socket.socket | None = None

    def deliver(self, decision: Decision) -> None:
        """Send one datagram; SinkError where the network cannot, LostError where nobody listens."""
        datagram = decision.as_json().encode()
        try:
            if self._socket is None:
                self._socket = self._connected()
            self._socket.send(datagram)
        except ConnectionRefusedError as error:
            self._send_again(datagram)
            raise LostError(f"nobody listens at {self._host}:{self._port}") from error
        except OSError as error:
            self.close()
            reason = error.strerror or error
            raise SinkError(f"cannot send to {self._host}:{self._port} ({reason})") from error

    def _send_again(self, datagram: bytes) -> None:
        """Nothing was sent: the answer to the last one came in between."""
        if self._socket is not None:
            with suppress(OSError):
                self._socket.send(datagram)

    def close(self) -> int:
        """Close the socket; what was sent is gone."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        return 0

    def _connected(self) -> socket.socket:
        found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_DGRAM)
        family, kind, protocol, _, address = found[0]
        made = socket.socket(family, kind, protocol)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            made.connect(address)
        except OSError:
            made.close()
            raise
        return made
