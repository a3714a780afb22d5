"""A URL in, what a real browser makes of it out: Chromium without a window, by its DevTools.

Protocol: https://chromedevtools.github.io/devtools-protocol/, domains Page, Runtime, Network, Log
and Emulation. Needs chromium and the extra `ws`.
"""

import base64
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from websockets.sync.client import ClientConnection, connect

from edgeemg.errors import MissingToolError

_PATIENCE_S = 60.0
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--remote-debugging-port=0",
)


class NavigatedError(Exception):
    """The page that was asked is not there any more: another one is about to be."""


class Page:
    """One page, and all that it asked for or complained of.

    requests    URLs that it asked for, WebSockets too
    complaints  errors and warnings of its console, and exceptions that nothing caught
    """

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._number = 0
        self.requests: list[str] = []
        self.complaints: list[str] = []
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """What the browser answers to one call."""
        self._number += 1
        self._connection.send(
            json.dumps({"id": self._number, "method": method, "params": parameters})
        )
        while True:
            message = json.loads(self._connection.recv(_PATIENCE_S))
            if message.get("id") == self._number:
                if "navigated" in str(message.get("error")):
                    raise NavigatedError
                assert "error" not in message, f"{method}: {message['error']}"
                return dict(message["result"])
            self._note(message.get("method", ""), message.get("params", {}))

    def open(self, url: str, *, width: int, height: int, dark: bool = False) -> Self:
        """Go there with a window of this size, in CSS pixels."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Page.navigate", url=url)
        return self

    def evaluate(self, expression: str) -> Any:
        """The value of JavaScript in the page."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def text(self, selector: str = "body") -> str:
        """What a person reads there; empty while it is not there."""
        return str(self.evaluate(f"document.querySelector({selector!r})?.innerText ?? ''"))

    def wait_for(self, expression: str, *, within_s: float = _PATIENCE_S) -> Any:
        """The first value of the expression that is true; AssertionError where none comes."""
        deadline_s = time.monotonic() + within_s
        while time.monotonic() < deadline_s:
            with suppress(NavigatedError):
                if value := self.evaluate(expression):
                    return value
            time.sleep(0.1)
        raise AssertionError(f"never true: {expression}; the page says:\n{self.text()}")

    def screenshot(self, path: Path, *, whole: bool = False) -> None:
        """A PNG of the window, or of the whole page."""
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(shot["data"]))

    def _note(self, event: str, about: dict[str, Any]) -> None:
        if event == "Network.requestWillBeSent":
            self.requests.append(about["request"]["url"])
        elif event == "Network.webSocketCreated":
            self.requests.append(about["url"])
        elif event == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(about["exceptionDetails"]))
        elif event == "Log.entryAdded" and about["entry"]["level"] in ("error", "warning"):
            self.complaints.append(f"{about['entry']['text']} ({about['entry'].get('url')})")
        elif event == "Runtime.consoleAPICalled":
            self.complaints.append(json.dumps(about["args"]))


@contextmanager
def open_browser() -> Iterator[Page]:
    """A browser with one empty page; MissingToolError where there is no Chromium."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        raise MissingToolError("no chromium here: apt-get install chromium")
    with TemporaryDirectory(prefix="edgeemg-browser-", ignore_cleanup_errors=True) as folder:
        command = [program, *_FLAGS, f"--user-data-dir={folder}", "about:blank"]
        browser = subprocess.Popen(  # noqa: S603  # a browser of the system's
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            with connect(_page_socket(browser, Path(folder)), max_size=None) as connection:
                yield Page(connection)
        finally:
            browser.terminate()
            with suppress(subprocess.TimeoutExpired):
                browser.wait(10)
            browser.kill()
            browser.wait()


def _page_socket(browser: "subprocess.Popen[bytes]", folder: Path) -> str:
    """The DevTools socket of its first page, once the browser has written where it listens."""
    told, deadline_s = folder / "DevToolsActivePort", time.monotonic() + _PATIENCE_S
    while not (told.exists() and len(told.read_text().splitlines()) == 2):
        assert browser.poll() is None, f"the browser ended with {browser.returncode}"
        assert time.monotonic() < deadline_s, "the browser does not say where it listens"
        time.sleep(0.05)
    port, path = told.read_text().splitlines()
    with connect(f"ws://127.0.0.1:{port}{path}") as connection:
        connection.send(json.dumps({"id": 1, "method": "Target.getTargets"}))
        targets = json.loads(connection.recv(_PATIENCE_S))["result"]["targetInfos"]
    (page,) = [one["targetId"] for one in targets if one["type"] == "page"]
    return f"ws://127.0.0.1:{port}/devtools/page/{page}"
