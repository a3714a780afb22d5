"""A sink's URL in, its host, port, path and options out."""

from collections.abc import Collection
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from edgeemg.errors import SinkError


@dataclass(frozen=True, slots=True)
class SinkUrl:
    """The parts of a sink's URL.

    path     decoded, without the slash in front
    options  what follows the question mark; each at most once but for those of `many`
    many     the same for options that may come more than once
    """

    scheme: str
    host: str
    port: int | None
    path: str
    options: dict[str, str]
    many: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """HOST:PORT as far as they were given, with brackets around an IPv6 number."""
        return host_and_port(self.host, self.port)


def host_and_port(host: str, port: int | None) -> str:
    """HOST:PORT as in a URL, with brackets around an IPv6 number; HOST where there is no port."""
    named = f"[{host}]" if ":" in host else host
    return named if port is None else f"{named}:{port}"


def parse_sink_url(
    text: str, example: str, *, options: Collection[str] = (), many: Collection[str] = ()
) -> SinkUrl:
    """The parts of `text`; SinkError where it is no such URL, or carries a name or a password.

    example  what such a sink looks like, for the message
    """
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
        host.encode("idna")  # no name that could be looked up fails here
        pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError as error:
        raise SinkError(f"a sink such as {example} was wanted, got {text!r} ({error})") from error
    if "@" in parts.netloc:
        raise SinkError(
            "a name or a password in a sink's URL can be read by every user of this machine (in "
            "the list of processes): leave what is before the @ out, and use a file or the "
            "environment"
        )
    if parts.fragment or not text.startswith(f"{parts.scheme}://"):
        raise SinkError(f"a sink such as {example} was wanted, got {text!r}")
    for name, value in pairs:
        if name not in (*options, *many) or not value:
            known = ", ".join(f"?{one}=" for one in (*options, *many)) or "no options"
            raise SinkError(f"{text!r}: unknown or empty option {name!r}; this sink has {known}")
    names = [name for name, _ in pairs if name in options]
    if len(set(names)) < len(names):
        raise SinkError(f"{text!r}: an option is given twice")
    return SinkUrl(
        parts.scheme,
        host,
        port,
        unquote(parts.path.removeprefix("/")),
        {name: value for name, value in pairs if name in options},
        {one: tuple(value for name, value in pairs if name == one) for one in many},
    )
