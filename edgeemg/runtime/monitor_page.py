"""The page's file in, HTTP answers out: a policy forbids it all that it does not hold."""

import base64
import hashlib
import re
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from websockets.http11 import Response

_PAGE = Path(__file__).with_name("monitor.html")
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_FORM = """<!DOCTYPE html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>edgeemg monitor</title>
<h1>edgeemg monitor</h1><p>%s.</p>
<form><label>Token: <input name="token" type="password" autofocus></label> <button>Look</button>
</form></html>
"""


class Page:
    """The answers that are no WebSocket, made once."""

    def __init__(self, takes_token: bool) -> None:
        html = _PAGE.read_text(encoding="utf-8")
        policy = {
            "default-src": "'none'",
            "script-src": _hashed("script", html),
            "style-src": _hashed("style", html),
            "connect-src": "'self'",
            "img-src": "data:",
            "base-uri": "'none'",
            "form-action": "'self'",
            "frame-ancestors": "'none'",
        }
        self._policy = "; ".join(f"{name} {value}" for name, value in policy.items())
        self._html = html
        self._takes_token = takes_token

    def page(self) -> "Response":
        """The page itself: it holds nothing but what the package does."""
        return self._response(HTTPStatus.OK, self._html)

    def refusal(self, why: str) -> "Response":
        """403, with a field for the token where one is set."""
        if not self._takes_token:
            return self._response(HTTPStatus.FORBIDDEN, why + "\n", kind="text/plain")
        return self._response(HTTPStatus.FORBIDDEN, _FORM % why)

    def _response(self, status: HTTPStatus, text: str, *, kind: str = "text/html") -> "Response":
        from websockets.datastructures import Headers
        from websockets.http11 import Response

        body = text.encode()
        headers = Headers(
            {
                **_HEADERS,
                "Connection": "close",
                "Content-Length": str(len(body)),
                "Content-Security-Policy": self._policy,
                "Content-Type": f"{kind}; charset=utf-8",
            }
        )
        return Response(status.value, status.phrase, headers, body)


def _hashed(element: str, html: str) -> str:
    """The one inline script or style of the page, as a content security policy names it."""
    (text,) = re.findall(f"<{element}>(.*?)</{element}>", html, re.DOTALL)
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
