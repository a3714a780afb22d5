"""An address and a token in, who may connect there out: for every page and WebSocket of ours.

Three strangers are kept out. Other machines: what listens beyond this one needs a token. Pages of
other sites in the same browser: the Origin that a browser states must be the page's own. And names
that were made to point here (DNS rebinding): without a token, the Host asked for must be this
machine by its own name. Nothing is encrypted: beyond a network that is one's own, use a tunnel.
"""

import hmac
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from edgeemg.errors import SinkError
from edgeemg.runtime.secret_files import read_secret
from edgeemg.runtime.sink_address import host_and_port

TOKEN_VARIABLE = "EDGEEMG_TOKEN"  # noqa: S105  # its name, not a token
LOOPBACK = "127.0.0.1"
_LOOPBACK_NAMES = ("localhost", LOOPBACK, "[::1]")
_EASILY_GUESSED = 16  # characters; fewer are worth a warning
_SCHEMES = {"http": 80, "https": 443}
_MAKE_ONE = "python3 -c 'import secrets; print(secrets.token_urlsafe())' > token; chmod 600 token"


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen. `host` is a name or a number without brackets; port 0: any that is free."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it; a name other than localhost is not trusted."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        """HOST:PORT as in a URL, with brackets around an IPv6 number."""
        return host_and_port(self.host, self.port)


@dataclass(frozen=True, slots=True)
class Access:
    """Who may connect to `address`; made by `open_access`, which refuses what is not safe."""

    address: Address
    token: str | None = None

    def bound(self, port: int) -> "Access":
        """The same once a port was found, where any free one was asked for."""
        return replace(self, address=replace(self.address, port=port))

    def refusal(self, target: str, headers: Mapping[str, str]) -> str | None:
        """Why a request is to be answered with 403, in one sentence; None where it is welcome.

        target   what follows GET, as in "/?token=..."
        headers  of the request, found by any case: Host, Origin, Authorization

        With a token, the request brings it as `?token=` or as `Authorization: Bearer`. A program
        states no Origin and needs none; a browser always does for a WebSocket.
        """
        try:
            host, origin = headers.get("Host"), headers.get("Origin")
            authorization = headers.get("Authorization") or ""
        except LookupError:  # as `websockets` says of a header that came twice
            return "a header came twice"
        if not host:
            return "the request names no Host"
        if self.token is None and not self._is_own(host):
            return f"no token is set here, so Host must be {self.address} or localhost"
        if origin is not None and not _same(origin, host):
            return "a page of another site asked: Origin must be the Host"
        if self.token is not None and not self._has_token(target, authorization):
            return "the token is missing or wrong"
        return None

    def _is_own(self, host: str) -> bool:
        names = [*_LOOPBACK_NAMES, str(self.address).rpartition(":")[0]]
        return host.lower() in {f"{name}:{self.address.port}" for name in names} or (
            self.address.port == _SCHEMES["http"] and host.lower() in names
        )

    def _has_token(self, target: str, authorization: str) -> bool:
        kind, _, bearer = authorization.partition(" ")
        brought = [bearer.strip()] if kind.lower() == "bearer" else []
        brought += parse_qs(target.partition("?")[2]).get("token", [])[:1]
        wanted = (self.token or "").encode()
        return any(
            hmac.compare_digest(one.encode("utf-8", "surrogateescape"), wanted) for one in brought
        )


def open_access(
    address: str,
    *,
    default_port: int,
    token_file: Path | None = None,
    tell: Callable[[str], None] | None = None,
) -> Access:
    """Who may connect to `address`: HOST:PORT, HOST, PORT or "" (127.0.0.1 and `default_port`).

    token_file  holds the token; None: it is taken from EDGEEMG_TOKEN, where that is set
    tell        is told, in one line, where others may read the file or the token is easily guessed

    Raises SinkError where the address is none, the token cannot be read, or the address lies
    beyond loopback and there is no token.
    """
    parsed = parse_address(address, default_port=default_port)
    token = read_token(token_file, tell=tell or (lambda _: None))
    if token is None and not parsed.is_loopback:
        raise SinkError(
            f"{parsed} can be reached by other machines, so it needs a token: name a file that "
            f"holds one, or set {TOKEN_VARIABLE}; make one with: {_MAKE_ONE}"
        )
    return Access(parsed, token)


def parse_address(text: str, *, default_port: int) -> Address:
    """HOST:PORT, HOST, PORT, [IPv6]:PORT or "" -> where to listen; SinkError where it is none.

    What is left out is 127.0.0.1 and `default_port`.
    """
    wanted = f"an address must be HOST:PORT, as in {LOOPBACK}:{default_port}, got {text!r}"
    if text.isascii() and text.isdigit():
        text = f":{text}"
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port
        (host or LOOPBACK).encode("idna")  # as the look-up of a name will
    except ValueError as error:
        raise SinkError(f"{wanted} ({error})") from error
    if parts.netloc != text or "@" in text or any(one.isspace() for one in text):
        raise SinkError(wanted)
    return Address(host or LOOPBACK, default_port if port is None else port)


def read_token(path: Path | None, *, tell: Callable[[str], None]) -> str | None:
    """The token in the file, else the one in EDGEEMG_TOKEN, else None; SinkError where it is none.

    A token is printable ASCII without spaces; space around it is left out.
    """
    if path is None:
        named, token = TOKEN_VARIABLE, os.environ.get(TOKEN_VARIABLE, "").strip()
        if not token:
            return None
    else:
        named, token = str(path), read_secret(path, "token", tell=tell).strip()
    if not token or not all("!" <= one <= "~" for one in token):
        raise SinkError(
            f"{named} must hold a token: printable ASCII without spaces; make one: {_MAKE_ONE}"
        )
    if len(token) < _EASILY_GUESSED:
        tell(f"the token in {named} is easily guessed: make it {_EASILY_GUESSED} characters long")
    return token


def _same(origin: str, host: str) -> bool:
    """Whether a page that came from `origin` came from `host`, with or without its default port."""
    scheme, _, place = origin.lower().partition("://")
    if scheme not in _SCHEMES or not place:
        return False
    usual = f":{_SCHEMES[scheme]}"
    return place.removesuffix(usual) == host.lower().removesuffix(usual)
