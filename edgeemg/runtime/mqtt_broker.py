"""A URL and the environment in, the broker and the credentials to use there out."""

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from edgeemg.errors import SinkError
from edgeemg.runtime.sink_address import SinkUrl, parse_sink_url

EXAMPLE = "mqtt://HOST[:PORT]/TOPIC or mqtts://HOST[:PORT]/TOPIC"
USERNAME_VARIABLE = "EDGEEMG_MQTT_USERNAME"
PASSWORD_VARIABLE = "EDGEEMG_MQTT_PASSWORD"  # noqa: S105  # its name, not a password
_PORTS = {"mqtt": 1883, "mqtts": 8883}
_LONGEST_TOPIC = 1000  # bytes; MQTT takes 65535, and ours adds a level
_LONGEST_FILE = 4096  # bytes; more is not a name and a password
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Broker:
    """Where decisions go by MQTT.

    ca  a file of certificates to trust in place of the system's; None: the system's
    """

    host: str
    port: int
    topic: str
    tls: bool
    ca: Path | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)


def parse_broker(text: str, *, tell: Callable[[str], None]) -> Broker:
    """The broker of mqtt://HOST[:PORT]/TOPIC[?credentials=FILE][&ca=FILE], or mqtts://.

    The file holds a user name on its first line and a password on its second; without one they
    come from EDGEEMG_MQTT_USERNAME and EDGEEMG_MQTT_PASSWORD. `tell` is told where others may
    read the file, and where a password goes out in the clear. SinkError where anything is wrong.
    """
    url = parse_sink_url(text, EXAMPLE, options=("ca", "credentials"))
    if not url.host or url.port == 0:
        raise SinkError(f"a sink such as {EXAMPLE} was wanted, got {text!r}")
    tls = url.scheme == "mqtts"
    ca = Path(url.options["ca"]) if "ca" in url.options else None
    if ca is not None and not tls:
        raise SinkError(f"{text!r}: ?ca= goes with mqtts://, and mqtt:// is not encrypted")
    username, password = _credentials(url, tell)
    if password is not None and not tls and url.host not in _LOOPBACK:
        tell(f"the password for {url.place} goes out in the clear: use mqtts://")
    port = url.port or _PORTS[url.scheme]
    return Broker(url.host, port, _topic(url, text), tls, ca, username, password)


def _topic(url: SinkUrl, text: str) -> str:
    topic = url.path
    parts = topic.split("/")
    if not all(parts) or set(topic) & set("+#\0") or len(topic.encode()) > _LONGEST_TOPIC:
        raise SinkError(
            f"{text!r} must end in a topic such as home/emg: no wildcards, no empty levels, "
            f"at most {_LONGEST_TOPIC} bytes"
        )
    return topic


def _credentials(url: SinkUrl, tell: Callable[[str], None]) -> tuple[str | None, str | None]:
    if "credentials" not in url.options:
        username = os.environ.get(USERNAME_VARIABLE) or None
        password = os.environ.get(PASSWORD_VARIABLE) or None
        if password is not None and username is None:
            raise SinkError(f"{PASSWORD_VARIABLE} is set and {USERNAME_VARIABLE} is not: set both")
        return username, password
    path = Path(url.options["credentials"])
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                tell(f"others on this machine may read the password in {path}: chmod 600 {path}")
            held = file.read(_LONGEST_FILE + 1).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise SinkError(f"cannot read credentials from {path} ({reason})") from error
    lines = held.splitlines()
    if not 1 <= len(lines) <= 2 or not lines[0] or len(held) > _LONGEST_FILE:
        raise SinkError(f"{path} must hold a user name on line 1 and a password on line 2")
    return lines[0], lines[1] if len(lines) == 2 else None
