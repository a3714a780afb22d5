"""Messages in, a page that draws them out, for every browser that may look: one thread of its own.

The page is one file, asks nobody else for anything, and gets all it shows over one WebSocket.
Frames are made once for all viewers, eight a second, and only while somebody looks. A viewer
answers now and then; one that does not (a stalled link, a page in the background) gets no more
frames until it does, so nothing piles up for it, here or on the way.
"""

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from edgeemg.dsp.samples import Samples
from edgeemg.errors import SinkError, needs_extra
from edgeemg.runtime.decisions import Verdict
from edgeemg.runtime.monitor_crowd import limited
from edgeemg.runtime.monitor_messages import FRAMES_PER_S, Messages
from edgeemg.runtime.monitor_page import Page
from edgeemg.runtime.watching import Said
from edgeemg.runtime.web_access import Access

if TYPE_CHECKING:
    from websockets.asyncio.server import Server, ServerConnection
    from websockets.http11 import Request, Response

DEFAULT_PORT = 8766
LIVE_PATH = "/live"
_UNANSWERED = 2 * FRAMES_PER_S  # frames that a viewer may leave unanswered: two seconds
_MOST_VIEWERS = 8
_MOST_CONNECTIONS = 32  # viewers, and whoever has not said yet what is wanted
_LONGEST_ANSWER = 64  # bytes
_OPENING_S = 5.0  # for a request to come whole
_CLOSING_S = 0.5
_START_S = 30.0
_AGAIN_S = 3.0  # between two tries to listen


@dataclass(slots=True, eq=False)
class _Viewer:
    """A browser that looks on.

    unanswered  frames that were sent since it last said something
    greeted_by  what it was told first; None where it is to be told (again) what runs
    """

    connection: "ServerConnection"
    unanswered: int = 0
    greeted_by: Messages | None = None

    @property
    def keeps_up(self) -> bool:
        return self.unanswered < _UNANSWERED


class Monitor:
    """A `Watcher` that shows what it sees and hears on a page, while it is entered.

    tell     is told, in one line, why the address cannot be had, each time that the reason is
             another one, and where the page ended before the runtime did; by another thread
    listens  is told the page's URL, once it can be had; by another thread too

    Entering raises MissingExtraError without `websockets`. It waits for nothing: an address that
    cannot be had is tried again every three seconds, for a network may come after the runtime.
    No browser, whatever it does, delays `see` and `hear`.
    """

    def __init__(
        self,
        access: Access,
        messages: Messages,
        *,
        tell: Callable[[str], None],
        listens: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._access = access
        self._messages = messages
        self._tell = tell
        self._listens = listens
        self._viewers: set[_Viewer] = set()
        self._bound: Future[None] = Future()
        self._is_over = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended: asyncio.Event | None = None
        self._wake: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._main, name="edgeemg-monitor", daemon=True)

    @property
    def url(self) -> str:
        """Where a browser finds the page; it asks for the token itself.

        Waits until it can be had; SinkError where that takes 30 s.
        """
        try:
            self._bound.result(_START_S)
        except (TimeoutError, CancelledError) as error:
            raise SinkError(f"the monitor does not listen on {self._access.address}") from error
        return self._url

    @property
    def _url(self) -> str:
        return f"http://{self._access.address}/"

    def show(self, messages: Messages) -> None:
        """From now on the page is about this: another model runs. Viewers stay, and are told."""
        self._messages = messages

    def see(self, samples: Samples) -> None:
        """As in `Watcher`."""
        self._messages.see(samples)

    def hear(self, said: Said, verdict: Verdict, latency_ms: float) -> None:
        """As in `Watcher`."""
        self._messages.hear(said, verdict, latency_ms)

    def __enter__(self) -> Self:
        need_websockets()
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._is_over = True  # seen by a thread that has only just begun
        if self._loop is not None and self._ended is not None:
            with suppress(RuntimeError):  # it ended by itself
                self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(4 * _CLOSING_S)

    def _main(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:  # noqa: BLE001  # decisions go on without their page
            self._tell(f"the monitor ended ({type(error).__name__}: {error})")
        finally:
            self._bound.cancel()

    async def _serve(self) -> None:
        self._ended, self._wake = asyncio.Event(), asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(lambda *_: None)  # of one connection: it is closed
        server = None if self._is_over else await self._listening(self._ended)
        if server is None:
            return
        self._access = self._access.bound(next(iter(server.sockets)).getsockname()[1])
        self._listens(self._url)
        self._bound.set_result(None)
        frames = asyncio.create_task(self._send_frames(self._wake))
        ended = asyncio.create_task(self._ended.wait())
        await asyncio.wait([frames, ended], return_when=asyncio.FIRST_COMPLETED)
        server.close()
        with suppress(TimeoutError):  # whoever has not said all of a request is not waited for
            await asyncio.wait_for(server.wait_closed(), _CLOSING_S)
        if frames.done():
            frames.result()  # raises: that is why it ended

    async def _listening(self, ended: asyncio.Event) -> "Server | None":
        """The server, once the address can be had; None where it ended before."""
        page = Page(self._access.token is not None)
        told = ""
        while not ended.is_set():
            try:
                return await self._listen(page)
            except OSError as error:
                reason = error.strerror or str(error)
            if reason != told:
                told = reason
                self._tell(
                    f"the monitor cannot listen on {self._access.address} ({reason}): it is tried "
                    "again; or name another address with --monitor HOST:PORT"
                )
            with suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), _AGAIN_S)
        return None

    async def _listen(self, page: Page) -> "Server":
        from websockets.asyncio.server import serve

        return await serve(
            self._look_on,
            self._access.address.host,
            self._access.address.port,
            process_request=lambda connection, request: self._answer(page, connection, request),
            compression=None,  # it costs more than the network
            logger=_silent(),
            max_size=_LONGEST_ANSWER,
            open_timeout=_OPENING_S,
            close_timeout=_CLOSING_S,
            server_header=None,
            create_connection=limited(_MOST_CONNECTIONS),
            backlog=_MOST_CONNECTIONS,
        )

    def _answer(
        self, page: Page, connection: "ServerConnection", request: "Request"
    ) -> "Response | None":
        """What a request gets; None where it becomes a WebSocket."""
        refused = self._access.refusal(request.path, request.headers)
        path = urlsplit(request.path).path
        if refused is not None:
            return page.refusal(refused)
        if path == "/":
            return page.page()
        if path != LIVE_PATH:
            return connection.respond(HTTPStatus.NOT_FOUND, f"there is only / here, not {path}\n")
        if len(self._viewers) >= _MOST_VIEWERS:
            return connection.respond(
                HTTPStatus.SERVICE_UNAVAILABLE, f"{_MOST_VIEWERS} viewers look on already\n"
            )
        return None

    async def _look_on(self, connection: "ServerConnection") -> None:
        """One viewer, until it leaves. Whatever it says is an answer."""
        from websockets.exceptions import ConnectionClosed

        assert self._wake is not None, "the server runs"
        viewer = _Viewer(connection)
        self._viewers.add(viewer)
        self._wake.set()
        try:
            async for _ in connection:
                if not viewer.keeps_up:  # it missed some
                    viewer.greeted_by = None
                    self._wake.set()
                viewer.unanswered = 0
        except ConnectionClosed:
            pass
        finally:
            self._viewers.discard(viewer)

    async def _send_frames(self, wake: asyncio.Event) -> None:
        from websockets.asyncio.server import broadcast

        clock = asyncio.get_running_loop().time
        while True:
            await wake.wait()
            wake.clear()
            shown = self._messages
            shown.begin()
            next_s = clock()
            while ready := [one for one in self._viewers if one.keeps_up]:
                if shown is not self._messages:
                    wake.set()
                    break
                _greet(ready, shown)
                frame = shown.next()
                for viewer in ready:
                    viewer.unanswered += 1
                broadcast([one.connection for one in ready], frame)
                next_s = max(next_s + 1 / FRAMES_PER_S, clock())
                await asyncio.sleep(next_s - clock())
            shown.end()


def need_websockets() -> None:
    """MissingExtraError where the monitor cannot be for want of it; imports it otherwise."""
    with needs_extra("ws", "the monitor"):
        import websockets.asyncio.server  # noqa: F401


def _greet(viewers: list[_Viewer], shown: Messages) -> None:
    """Tell what runs to each who was not told yet."""
    from websockets.asyncio.server import broadcast

    new = [one for one in viewers if one.greeted_by is not shown]
    if new:
        broadcast([one.connection for one in new], shown.hello())
    for viewer in new:
        viewer.greeted_by = shown


def _silent() -> logging.Logger:
    """A logger for what goes wrong on a connection: strangers must not fill a log."""
    logger = logging.Logger("edgeemg.monitor", level=logging.CRITICAL + 1)
    logger.addHandler(logging.NullHandler())
    return logger
