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
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeemg.errors import SinkError, needs_extra
from edgeemg.manifest import Manifest
from edgeemg.runtime.mqtt_broker import Broker
from edgeemg.runtime.outbox import Place
from edgeemg.runtime.sinks import Decision
from edgeemg.runtime.standing import Standing

if TYPE_CHECKING:
    from edgeemg.runtime.sink_mqtt_client import SteadyClient

_IN_FLIGHT = 20  # messages that wait for the broker's word; a slow link is filled, not flooded
_KEEPALIVE_S = 20  # a broker that hears nothing for 1.5 times this tells the last will
_DECISION = "decision"  # the level of a topic
_FIRST_S = 10  # for the first connection; TCP alone may take 5
_LONGEST_PAUSE_S = 30  # between two tries to connect
_LEAVE_S = 0.3  # for all steps of leaving
_PARTING_S = 0.1  # the last of it, for what was said to be sent and the connection to be closed
_OWN = 4  # messages in flight besides decisions: status and model


class Mqtt(Place):
    """One connection to a broker, opened now and kept for ever.

    Raises MissingExtraError without paho-mqtt, and SinkError where the certificates to trust
    cannot be read. A broker that cannot be reached is told, and tried again.
    """

    def __init__(self, broker: Broker, manifest: Manifest, standing: Standing) -> None:
        self._broker = broker
        self._standing = standing
        self._model = _about(manifest)
        self._why = f"not connected yet to {broker.place}"
        self._connected, self._gone = threading.Event(), threading.Event()
        self._tried = threading.Event()  # the first connection came, or failed
        self._hurried = self._leaving = False
        self._words = _Words()
        self._confirmation = threading.Event()
        self._client = self._made()
        self._client.loop_start()

    def deliver(self, decision: Decision) -> None:
        """Hand one decision to paho; SinkError where the broker is away or confirms nothing."""
        self._tried.wait(_FIRST_S)
        if not self._connected.is_set():
            raise SinkError(self._why)
        while self._words.awaited(_DECISION) >= _IN_FLIGHT:
            self._confirmation.clear()
            if self._words.awaited(_DECISION) < _IN_FLIGHT:
                break
            self._confirmation.wait(1)
            if self._hurried or not self._connected.is_set():
                raise SinkError(f"the broker at {self._broker.place} confirms nothing")
        self._publish(_DECISION, decision.as_json(), retain=False)

    def hurry(self) -> None:
        """Stop waiting for the broker's word."""
        self._hurried = True
        self._tried.set()
        self._confirmation.set()

    def confirmed(self) -> int:
        """How many decisions the broker confirmed."""
        return self._words.confirmed

    def model_is(self, manifest: Manifest) -> None:
        """Publish what the model is anew, now or when the broker is there."""
        model = _about(manifest)
        if model != self._model:
            self._model = model
            self._publish("model", model, retain=True)  # paho keeps it while there is no connection

    def close(self) -> None:
        """Say "offline" and leave."""
        ends_s = time.monotonic() + _LEAVE_S
        self._leaving = True
        if not self._connected.is_set():
            self._client.leave()
            return
        self._publish("status", "offline", retain=True)
        while self._is_worth_waiting() and time.monotonic() < ends_s - _PARTING_S:
            self._confirmation.clear()
            self._confirmation.wait(0.02)
        self._client.leave()
        self._gone.wait(max(0.0, ends_s - time.monotonic()))

    def _is_worth_waiting(self) -> bool:
        return self._words.awaited() > 0 and self._connected.is_set() and not self._hurried

    def _made(self) -> "SteadyClient":
        broker = self._broker
        with needs_extra("mqtt", "the MQTT sink"):
            from edgeemg.runtime.sink_mqtt_client import SteadyClient
        client = SteadyClient(client_id(broker), broken=self._on_broken)
        client.max_inflight_messages_set(_IN_FLIGHT + _OWN)
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

    def _publish(self, level: str, text: str, *, retain: bool) -> None:
        message = self._client.publish(self._at(level), text, qos=1, retain=retain)
        self._words.await_one(message.mid, level)

    def _on_connect(self, client: Any, data: Any, flags: Any, reason: Any, _: Any) -> None:  # noqa: ARG002  # paho's signature
        if reason.is_failure:
            self._is_down(f"the broker at {self._broker.place} refused the connection ({reason})")
            return
        if self._leaving:
            self._client.leave()
            return
        self._gone.clear()
        for level, text in (("model", self._model), ("status", "online")):
            if not self._words.awaited(level):  # else paho sends the last one again
                self._publish(level, text, retain=True)
        self._standing.up()
        self._connected.set()
        self._tried.set()

    def _on_connect_fail(self, client: Any, data: Any) -> None:  # noqa: ARG002  # paho's signature
        error = sys.exception()  # paho calls this while it handles what went wrong
        self._is_down(f"cannot reach the broker at {self._broker.place} ({_reason(error)})")

    def _on_disconnect(self, client: Any, data: Any, flags: Any, reason: Any, _: Any) -> None:  # noqa: ARG002  # paho's signature
        self._gone.set()
        if self._connected.is_set():
            self._is_down(
                f"the connection to the broker at {self._broker.place} is lost ({reason})"
            )
        elif not self._tried.is_set():
            where = self._broker.place
            self._is_down(f"what listens at {where} is no MQTT broker, or hung up ({reason})")

    def _on_publish(self, client: Any, data: Any, mid: int, reason: Any, _: Any) -> None:  # noqa: ARG002  # paho's signature
        self._words.confirm(mid)
        self._confirmation.set()

    def _on_broken(self, error: Exception) -> None:
        self._gone.set()
        where = self._broker.place
        self._is_down(f"the connection to the broker at {where} broke ({_reason(error)})")

    def _is_down(self, why: str) -> None:
        self._why = why
        self._connected.clear()
        self._tried.set()
        self._confirmation.set()
        if not self._leaving:
            self._standing.down(f"{why}; trying again, for ever")


class _Words:
    """Which messages wait for the broker's word, and how many decisions have it.

    Any thread may ask and tell: the word may come before the message is known here.
    """

    def __init__(self) -> None:
        self.confirmed = 0
        self._awaited: dict[int, str] = {}  # paho's number of a message -> its level
        self._early: set[int] = set()
        self._lock = threading.Lock()

    def await_one(self, mid: int, level: str) -> None:
        """A message was published."""
        with self._lock:
            self._awaited[mid] = level
            if mid in self._early:
                self._early.discard(mid)
                self._settle(mid)

    def confirm(self, mid: int) -> None:
        """The broker has it."""
        with self._lock:
            if mid in self._awaited:
                self._settle(mid)
            else:
                self._early.add(mid)

    def awaited(self, level: str | None = None) -> int:
        """How many wait, of one level or of all."""
        with self._lock:
            return len([one for one in self._awaited.values() if level in (one, None)])

    def _settle(self, mid: int) -> None:
        self.confirmed += self._awaited.pop(mid) == _DECISION


def _about(manifest: Manifest) -> str:
    model = {
        "name": manifest.name,
        "labels": list(manifest.labels),
        "rest_label": manifest.rest_label,
        "sample_rate_hz": manifest.sample_rate_hz,
    }
    return json.dumps(model, ensure_ascii=False)


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
