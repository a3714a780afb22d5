"""A URL and the environment in, the broker and the credentials to use there out."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from edgeemg.errors import SinkError
from edgeemg.runtime.secret_files import read_secret
from edgeemg.runtime.sink_address import SinkUrl, host_and_port, parse_sink_url

EXAMPLE = "mqtt://HOST[:PORT]/TOPIC or mqtts://HOST[:PORT]/TOPIC"
USERNAME_VARIABLE = "EDGEEMG_MQTT_USERNAME"
PASSWORD_VARIABLE = "EDGEEMG_MQTT_PASSWORD"  # noqa: S105  # its name, not a password
_PORTS = {"mqtt": 1883, "mqtts": 8883}
_LONGEST_TOPIC = 1000  # bytes; MQTT takes 65535, and ours adds a level
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

    @property
    def place(self) -> str:
        """HOST:PORT, as people find it in a list of what listens."""
        return host_and_port(self.host, self.port)

    @property
    def title(self) -> str:
        """Its URL, without what is secret."""
        return f"mqtt{'s' * self.tls}://{self.place}/{self.topic}"


def broker_of(text: str) -> Broker:
    """The broker of mqtt://HOST[:PORT]/TOPIC[?credentials=FILE][&ca=FILE], or mqtts://.

    Nobody's name and password are in it: no file is read. SinkError where the URL is none.
    """
    return _broker(_url(text), text)


def parse_broker(text: str, *, tell: Callable[[str], None]) -> Broker:
    """The same, and who connects there.

    The file holds a user name on its first line and a password on its second; without one they
    come from EDGEEMG_MQTT_USERNAME and EDGEEMG_MQTT_PASSWORD. `tell` is told where others may
    read the file, and where a password goes out in the clear. SinkError where anything is wrong.
    """
    url = _url(text)
    username, password = _credentials(url, tell)
    broker = replace(_broker(url, text), username=username, password=password)
    if password is not None and not broker.tls and broker.host not in _LOOPBACK:
        tell(f"the password for {broker.place} goes out in the clear: use mqtts://")
    return broker


def _url(text: str) -> SinkUrl:
    url = parse_sink_url(text, EXAMPLE, options=("ca", "credentials"))
    if not url.host or url.port == 0:
        raise SinkError(f"a sink such as {EXAMPLE} was wanted, got {text!r}")
    return url


def _broker(url: SinkUrl, text: str) -> Broker:
    tls = url.scheme == "mqtts"
    ca = Path(url.options["ca"]) if "ca" in url.options else None
    if ca is not None and not tls:
        raise SinkError(f"{text!r}: ?ca= goes with mqtts://, and mqtt:// is not encrypted")
    return Broker(url.host, url.port or _PORTS[url.scheme], _topic(url, text), tls, ca)


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
    lines = read_secret(path, "password", tell=tell).splitlines()
    if not 1 <= len(lines) <= 2 or not lines[0]:
        raise SinkError(f"{path} must hold a user name on line 1 and a password on line 2")
    return lines[0], lines[1] if len(lines) == 2 else None
