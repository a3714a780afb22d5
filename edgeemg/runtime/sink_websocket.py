"""Decisions in, one JSON text for each out to every WebSocket client, by `websockets` (extra `ws`).

A server with an event loop in a thread of its own. Each client has a mailbox: one that reads
slowly loses its own oldest decisions, and delays nobody.
"""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import wait
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from edgeemg.errors import SinkError, needs_extra
from edgeemg.runtime.sinks import Decision
from edgeemg.runtime.web_access import Access

if TYPE_CHECKING:
    from websockets.asyncio.server import Server, ServerConnection
    from websockets.http11 import Request, Response

MOST = 64  # decisions that wait in one mailbox, beside what the system buffers
MOST_CLIENTS = 16  # a browser tab each; more are a mistake or an attack
_LARGEST_MESSAGE = 1024  # bytes, from a client, whose messages nobody reads
_MOST_MESSAGES = 64  # from one client; who talks more is shown out
_TOO_MUCH = 1008  # WebSocket's close code for a broken policy (RFC 6455, 7.4.1)
_ALIVE_S = 20.0  # between pings, and for the answer: a client that went away is soon known
_HANDSHAKE_S, _GOODBYE_S, _DRAIN_S, _END_S = 5.0, 0.3, 0.4, 0.95
_START_S = 10.0


class WebSocketSink:
    """A server that tells every client every decision, from now on.

    access    where it listens and who may connect
    origins   of pages that may connect besides the server's own, as in http://localhost:3000
    lossless  for a recording that is played as fast as it goes: `send` waits for the slowest
              client until `stopped` says that the run is to end

    Raises MissingExtraError without websockets, and SinkError where it cannot listen.
    """

    kind = "ws"

    def __init__(
        self,
        access: Access,
        *,
        origins: tuple[str, ...] = (),
        lossless: bool = False,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        with needs_extra("ws", "the WebSocket sink"):
            import websockets.asyncio.server  # noqa: F401  # in this thread, where it can be told
        self.access = access
        self._origins = frozenset(origins)
        self._lossless = lossless
        self._stopped = stopped
        self._counts = dict.fromkeys(("sent", "dropped", "failed", "unheard", "refused"), 0)
        self._mailboxes: set[_Mailbox] = set()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._listening = threading.Event()
        self._error: OSError | None = None
        self._thread = threading.Thread(target=self._run, name="sink ws", daemon=True)
        self._thread.start()
        if not self._listening.wait(_START_S) or self._error is not None:
            reason = self._error.strerror if self._error else f"nothing for {_START_S:g} s"
            raise SinkError(
                f"cannot listen at {access.address} ({reason}): name another address or port, or "
                "stop what listens there"
            ) from self._error

    def send(self, decision: Decision) -> None:
        """Put one decision into every mailbox."""
        if not self._mailboxes:
            self._counts["unheard"] += 1
            return
        text = decision.as_json()
        if not self._waits or not self._posted_with_room(text):
            self._soon(self._post, text)

    def close(self) -> None:
        """Send what waits and part from the clients, in less than a second."""
        if not self._thread.is_alive():
            return
        self._soon(self._stop.set)
        while self._waits and self._thread.is_alive():
            self._thread.join(0.1)
        self._thread.join(_END_S)

    def summary(self) -> dict[str, int]:
        """What became of the decisions, counted for each client.

        sent     handed to the client's connection
        dropped  the client's oldest, for want of room, and what waited when it left
        failed   lost with the connection
        unheard  decisions that came while there was no client
        refused  requests that may not connect
        """
        return dict(self._counts)

    @property
    def _waits(self) -> bool:
        return self._lossless and not self._stopped()

    def _soon(self, call: Callable[..., object], *arguments: object) -> None:
        try:
            self._loop.call_soon_threadsafe(call, *arguments)
        except RuntimeError:  # the loop is closed: the server ended
            self._counts["failed"] += 1

    def _posted_with_room(self, text: str) -> bool:
        """Post once every mailbox has room; False where the run is to end before."""
        posting = asyncio.run_coroutine_threadsafe(self._post_with_room(text), self._loop)
        while self._thread.is_alive():
            done, _ = wait([posting], timeout=0.1)
            if done:
                return True
            if not self._waits:
                break
        return not posting.cancel()

    async def _post_with_room(self, text: str) -> None:
        while any(one.is_full for one in self._mailboxes):
            await asyncio.sleep(0.002)
        self._post(text)

    def _post(self, text: str) -> None:
        for mailbox in self._mailboxes:
            self._counts["dropped"] += mailbox.put(text)

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._serve())
        except OSError as error:
            self._error = error
        finally:
            self._listening.set()

    async def _serve(self) -> None:
        from websockets.asyncio.server import serve

        address = self.access.address
        server = await serve(
            self._attend,
            address.host,
            address.port,
            process_request=self._checked,
            compression=None,  # a window of 32 kB for each client, to save 100 bytes
            max_size=_LARGEST_MESSAGE,
            open_timeout=_HANDSHAKE_S,
            ping_interval=_ALIVE_S,
            ping_timeout=_ALIVE_S,
            close_timeout=_GOODBYE_S / 2,
            logger=_silent(),
        )
        self.access = self.access.bound(_port(server))
        self._listening.set()
        await self._stop.wait()
        await self._drain()
        server.close()
        with suppress(TimeoutError):  # a request that never ends is cut off
            await asyncio.wait_for(server.wait_closed(), _GOODBYE_S)

    async def _drain(self) -> None:
        ends_s = time.monotonic() + _DRAIN_S
        while any(self._mailboxes) and (self._waits or time.monotonic() < ends_s):
            await asyncio.sleep(0.01)

    def _checked(self, connection: "ServerConnection", request: "Request") -> "Response | None":
        headers = request.headers.copy()
        if headers.get_all("Origin") and set(headers.get_all("Origin")) <= self._origins:
            del headers["Origin"]  # named by the user: as welcome as a program, which has none
        refusal = self.access.refusal(request.path, headers)
        if refusal is not None:
            self._counts["refused"] += 1
            return connection.respond(HTTPStatus.FORBIDDEN, f"{refusal}\n")
        if len(self._mailboxes) >= MOST_CLIENTS:
            self._counts["refused"] += 1
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "too many clients\n")
        return None

    async def _attend(self, connection: "ServerConnection") -> None:
        from websockets.exceptions import ConnectionClosed

        mailbox = _Mailbox()
        self._mailboxes.add(mailbox)
        writer = asyncio.create_task(self._write(connection, mailbox))
        try:
            for _ in range(_MOST_MESSAGES):
                await connection.recv()
            await connection.close(_TOO_MUCH, "this socket only tells")
        except ConnectionClosed:
            pass  # gone, or shown out: what waited is counted below
        finally:
            self._mailboxes.discard(mailbox)
            writer.cancel()
            self._counts["dropped"] += len(mailbox)

    async def _write(self, connection: "ServerConnection", mailbox: "_Mailbox") -> None:
        from websockets.exceptions import ConnectionClosed

        while True:
            text = await mailbox.take()
            try:
                await connection.send(text)
            except ConnectionClosed:
                self._counts["failed"] += 1
                return
            except asyncio.CancelledError:
                self._counts["failed"] += 1
                raise
            self._counts["sent"] += 1


class _Mailbox:
    """What one client has not been sent yet, the oldest first; used by the event loop alone."""

    def __init__(self) -> None:
        self._texts: deque[str] = deque(maxlen=MOST)
        self._filled = asyncio.Event()

    def __len__(self) -> int:
        return len(self._texts)

    @property
    def is_full(self) -> bool:
        """Whether the next text pushes out the oldest."""
        return len(self._texts) == MOST

    def put(self, text: str) -> int:
        """Add a text; how many were dropped for it."""
        dropped = int(self.is_full)
        self._texts.append(text)
        self._filled.set()
        return dropped

    async def take(self) -> str:
        """The oldest text, once there is one."""
        while not self._texts:
            self._filled.clear()
            await self._filled.wait()
        return self._texts.popleft()


def _port(server: "Server") -> int:
    return int(next(iter(server.sockets)).getsockname()[1])


def _silent() -> Any:
    """A logger that says nothing: noise on a socket is answered and counted, not told."""
    logger = logging.getLogger("edgeemg.sink_websocket")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    return logger
