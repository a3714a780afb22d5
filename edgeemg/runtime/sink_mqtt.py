"""Decisions in, MQTT messages out, through paho-mqtt (extra `mqtt`).

    TOPIC/decision   every decision as JSON, QoS 1
    TOPIC/status     "online" or "offline", retained, QoS 1; "offline" is the last will too
    TOPIC/model      the model's name and labels as JSON, retained, QoS 1

paho keeps the connection, in a thread of its own; it sends again what the broker did not confirm.
"""

import hashlib
import json
import socket
import ssl
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeemg.errors import SinkError, needs_extra
from edgeemg.manifest import Manifest
from edgeemg.runtime.mqtt_broker import Broker
from edgeemg.runtime.outbox import Place
from edgeemg.runtime.sinks import Decision
from edgeemg.runtime.standing import Standing

if TYPE_CHECKING:
    from paho.mqtt.client import Client, MQTTMessageInfo

_IN_FLIGHT = 20  # messages that wait for the broker's word; a slow link is filled, not flooded
_KEEPALIVE_S = 20  # a broker that hears nothing for 1.5 times this tells the last will
_FIRST_S = 10  # for the first connection; TCP alone may take 5
_LONGEST_PAUSE_S = 30  # between two tries to connect
_LEAVE_S = 0.15  # for each of three steps of leaving


class Mqtt(Place):
    """One connection to a broker, opened now and kept for ever.

    Raises MissingExtraError without paho-mqtt, and SinkError where the certificates to trust
    cannot be read. A broker that cannot be reached is told, and tried again.
    """

    def __init__(self, broker: Broker, manifest: Manifest, standing: Standing) -> None:
        self._broker = broker
        self._standing = standing
        self._model = json.dumps(
            {
                "name": manifest.name,
                "labels": list(manifest.labels),
                "rest_label": manifest.rest_label,
                "sample_rate_hz": manifest.sample_rate_hz,
            },
            ensure_ascii=False,
        )
        self._why = f"not connected yet to {broker.host}:{broker.port}"
        self._connected, self._gone = threading.Event(), threading.Event()
        self._tried = threading.Event()  # the first connection came, or failed
        self._hurried = self._leaving = False
        # counted by one thread each; their difference waits for the broker
        self._published = self._confirmed = 0
        self._announced: dict[int, str] = {}  # status and model that the broker did not confirm
        self._confirmation = threading.Event()
        self._client = self._made()
        self._client.loop_start()

    def deliver(self, decision: Decision) -> None:
        """Hand one decision to paho; SinkError where the broker is away or confirms nothing."""
        self._tried.wait(_FIRST_S)
        if not self._connected.is_set():
            self._client.loop_start()  # does nothing, but where a broken packet ended its thread
            raise SinkError(self._why)
        while self._published - self._confirmed >= _IN_FLIGHT:
            self._confirmation.clear()
            if self._published - self._confirmed < _IN_FLIGHT:
                break
            self._confirmation.wait(1)
            if self._hurried or not self._connected.is_set():
                raise SinkError("the broker confirms nothing")
        self._published += 1
        self._publish("decision", decision.as_json(), retain=False)

    def hurry(self) -> None:
        """Stop waiting for the broker's word."""
        self._hurried = True
        self._tried.set()
        self._confirmation.set()

    def close(self) -> int:
        """Say "offline" and leave; how many decisions the broker did not confirm."""
        self._leaving = True
        if not self._connected.is_set():
            self._client.disconnect()
            return self._published - self._confirmed
        ends_s = time.monotonic() + _LEAVE_S
        while self._confirmed < self._published and time.monotonic() < ends_s:
            self._confirmation.clear()
            self._confirmation.wait(0.02)
        unconfirmed = self._published - self._confirmed
        farewell = self._publish("status", "offline", retain=True)
        self._announced[farewell.mid] = "status"
        with suppress(RuntimeError, ValueError):  # the connection went: the last will says it
            farewell.wait_for_publish(_LEAVE_S)
        self._client.disconnect()
        self._gone.wait(_LEAVE_S)
        return unconfirmed

    def _made(self) -> "Client":
        broker = self._broker
        with needs_extra("mqtt", "the MQTT sink"):
            from paho.mqtt.client import Client
            from paho.mqtt.enums import CallbackAPIVersion
        client = Client(CallbackAPIVersion.VERSION2, client_id=client_id(broker))
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.will_set(self._at("status"), "offline", qos=1, retain=True)
        if broker.username is not None:
            client.username_pw_set(broker.username, broker.password)
        if broker.tls:
            try:
                client.tls_set(ca_certs=str(broker.ca) if broker.ca else None)
            except (OSError, ValueError) as error:
                raise SinkError(f"cannot use the certificates in {broker.ca} ({error})") from error
        client.reconnect_delay_set(1, _LONGEST_PAUSE_S)
        client.connect_async(broker.host, broker.port, keepalive=_KEEPALIVE_S)
        return client

    def _at(self, level: str) -> str:
        return f"{self._broker.topic}/{level}"

    def _publish(self, level: str, text: str, *, retain: bool) -> "MQTTMessageInfo":
        return self._client.publish(self._at(level), text, qos=1, retain=retain)

    def _on_connect(self, client: Any, data: Any, flags: Any, reason: Any, _: Any) -> None:  # noqa: ARG002  # paho's signature
        if reason.is_failure:
            self._is_down(f"the broker refused the connection ({reason})")
            return
        if self._leaving:
            self._client.disconnect()
            return
        for level, text in (("model", self._model), ("status", "online")):
            if level not in self._announced.values():  # else paho sends the last one again
                self._announced[self._publish(level, text, retain=True).mid] = level
        self._standing.up()
        self._connected.set()
        self._tried.set()

    def _on_connect_fail(self, client: Any, data: Any) -> None:  # noqa: ARG002  # paho's signature
        error = sys.exception()  # paho calls this while it handles what went wrong
        where = f"{self._broker.host}:{self._broker.port}"
        self._is_down(f"cannot reach the broker at {where} ({_reason(error)})")

    def _on_disconnect(self, client: Any, data: Any, flags: Any, reason: Any, _: Any) -> None:  # noqa: ARG002  # paho's signature
        self._gone.set()
        if self._connected.is_set():
            self._is_down(f"the connection to the broker is lost ({reason})")
        elif not self._tried.is_set():
            where = f"{self._broker.host}:{self._broker.port}"
            self._is_down(f"what listens at {where} is no MQTT broker, or hung up ({reason})")

    def _on_publish(self, client: Any, data: Any, mid: int, reason: Any, _: Any) -> None:  # noqa: ARG002  # paho's signature
        if self._announced.pop(mid, None) is not None:
            return
        self._confirmed += 1
        self._confirmation.set()

    def _is_down(self, why: str) -> None:
        self._why = why
        self._connected.clear()
        self._tried.set()
        self._confirmation.set()
        if not self._leaving:
            self._standing.down(f"{why}; trying again, for ever")


def client_id(broker: Broker) -> str:
    """The same at every start, another on every machine and for every topic; 23 characters.

    systemd asks that the machine's id is not shown to others: it is hashed
    (https://www.freedesktop.org/software/systemd/man/latest/machine-id.html).
    """
    try:
        machine = Path("/etc/machine-id").read_text(encoding="ascii").strip()
    except OSError:
        machine = socket.gethostname()
    whole = json.dumps([machine, broker.host, broker.port, broker.topic])
    return f"edgeemg-{hashlib.sha256(whole.encode()).hexdigest()[:15]}"


def _reason(error: BaseException | None) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    return str(getattr(error, "strerror", None) or error)
