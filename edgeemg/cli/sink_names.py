"""Names of sinks in; what is wrong with them, as far as shows before one is opened, out."""

import errno
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from edgeemg.errors import SinkError, needs_extra
from edgeemg.manifest import Manifest

if TYPE_CHECKING:
    from edgeemg.runtime.sink_address import SinkUrl

# what comes before the first colon, and how such a sink is named
EXAMPLES = {
    "jsonl": "jsonl (stdout) or jsonl:FILE",
    "mqtt": "mqtt://HOST[:PORT]/TOPIC",
    "mqtts": "mqtts://HOST[:PORT]/TOPIC",
    "ws": "ws://[HOST][:PORT]",
    "udp": "udp://HOST:PORT",
    "exec": "exec:COMMAND ARGS",
    "keys": "keys:LABEL=KEY,... or keys:FILE",
}
_ACT = ("exec", "keys")
_FILES = ("ca", "credentials", "token_file")  # options of a URL that name a file which is read


def check_names(names: Sequence[str], *, every_hop: bool = False) -> None:
    """SinkError for what can be seen without opening anything.

    An unknown kind, a URL that carries a password, two sinks that would be in each other's way, and
    with `every_hop` what acts on each one.
    """
    seen: dict[str, str] = {}
    for name in names:
        _check_name(name)
        if every_hop and name.partition(":")[0] in _ACT:
            raise SinkError(
                f"--sink {name} acts on what it is told, and --every-hop tells each hop, doubt "
                "included: leave one of the two out"
            )
        place = _own_place(name)
        if place is not None and place in seen:
            raise SinkError(
                f"--sink {seen[place]} and --sink {name} are the same place, {place}: "
                "leave one of the two out"
            )
        if place is not None:
            seen[place] = name


def check_place(name: str, manifest: Manifest) -> None:
    """What `open_sinks` would refuse, as far as that shows without opening anything.

    SinkError and MissingExtraError as there.
    """
    kind, _, rest = name.partition(":")
    if kind == "jsonl" and rest.startswith("/"):  # others lie where a service starts
        _check_no_circle(name, Path(rest))
    if kind == "ws":
        ws_url(name)
        _check_files(name)
    if kind in ("mqtt", "mqtts"):
        from edgeemg.runtime.mqtt_broker import broker_of

        broker_of(name)
        _check_files(name)
        with needs_extra("mqtt", "the MQTT sink"):
            import paho.mqtt  # noqa: F401  # only whether it is there
    if kind == "udp":
        from edgeemg.runtime.sink_udp import parse_udp

        parse_udp(name)
    if kind == "exec":
        from edgeemg.runtime.sink_command import parse_command

        parse_command(rest)
    if kind == "keys":
        from edgeemg.runtime.sink_keyboard import parse_keys

        parse_keys(rest, manifest)


def ws_url(name: str) -> "SinkUrl":
    """The parts of ws://[HOST][:PORT][?token_file=FILE][&origin=PAGE], or SinkError."""
    from edgeemg.runtime.sink_address import parse_sink_url

    options = {"options": ("token_file",), "many": ("origin",)}
    url = parse_sink_url(name, EXAMPLES["ws"], **options)
    if url.path:
        raise SinkError(f"{name!r}: a WebSocket sink has no path, as in {EXAMPLES['ws']}")
    return url


def _check_name(name: str) -> None:
    kind, colon, rest = name.partition(":")
    if kind not in EXAMPLES:
        known = "; ".join(EXAMPLES.values())
        raise SinkError(f"unknown sink {name!r}; there are: {known}")
    if kind == "jsonl" and colon and not rest:
        raise SinkError("--sink jsonl: names no file: wanted jsonl:FILE, or jsonl for stdout")
    if name.startswith(f"{kind}://"):
        from edgeemg.runtime.sink_address import parse_sink_url

        parse_sink_url(name.partition("?")[0], EXAMPLES[kind])


def _check_files(name: str) -> None:
    """SinkError where a file that the URL names is not there; what is in it stays unread."""
    for option, path in parse_qsl(urlsplit(name).query):
        if option in _FILES and not _may_be_file(Path(path)):
            raise SinkError(
                f"--sink {name}: there is no file {path}: make it first, or leave {option}= out"
            )


def _may_be_file(path: Path) -> bool:
    """True, too, where whoever asks may not look."""
    try:
        return not stat.S_ISDIR(path.stat().st_mode)
    except PermissionError:
        return True
    except (OSError, ValueError):  # ValueError: a name that no file can have
        return False


def _check_no_circle(name: str, path: Path) -> None:
    try:
        path.stat()
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise SinkError(f"--sink {name}: links lead in a circle: name another file") from error


def _own_place(name: str) -> str | None:
    """The place that no other sink may have, as people know it; None where several may.

    Two that write one file take its half lines for each other's, and two clients of one topic push
    each other off the broker.
    """
    kind, _, rest = name.partition(":")
    if kind == "jsonl":
        return os.path.realpath(rest) if rest else "stdout"
    if kind in ("mqtt", "mqtts"):
        from edgeemg.runtime.mqtt_broker import broker_of

        return broker_of(name).title
    return None
