"""A real mosquitto: decisions arrive, whatever happens to the broker, and the status is right."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest

from edgeemg.errors import SinkError
from edgeemg.manifest import Manifest
from edgeemg.runtime.mqtt_broker import Broker
from edgeemg.runtime.outbox import Outbox
from edgeemg.runtime.sink_mqtt import Mqtt, _Words, client_id
from edgeemg.runtime.sinks import Decision
from edgeemg.runtime.standing import Standing

TOPIC = "home/emg"


def decision(n: int) -> Decision:
    return Decision("não", 0.5, n, n / 250, 1.5, "e")


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not true() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert true()


class Mosquitto:
    """A broker on a free port of this machine, which may be stopped and started."""

    def __init__(self, folder: Path, *lines: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._config = folder / "mosquitto.conf"
        whole = (f"listener {self.port} 127.0.0.1", *lines)
        self._config.write_text("\n".join(whole) + "\n")
        self._log = folder / "mosquitto.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        program = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
        assert program is not None
        with self._log.open("ab") as log:
            command = [program, "-c", str(self._config)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        until(self._answers)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(60)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text()
        with socket.socket() as tried:
            return tried.connect_ex(("127.0.0.1", self.port)) == 0

    def broker(self, **more: object) -> Broker:
        return Broker("127.0.0.1", self.port, TOPIC, **{"tls": False, **more})  # type: ignore[arg-type]


class Listener:
    """Another client, which keeps all that it hears: (topic, text, retained)."""

    def __init__(self, port: int) -> None:
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion

        self.heard: list[tuple[str, str, bool]] = []
        self.ready = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *_: client.subscribe(f"{TOPIC}/#", 1)
        self._client.on_subscribe = lambda *_: self.ready.set()
        self._client.on_message = lambda _, __, one: self.heard.append(
            (one.topic, one.payload.decode(), one.retain)
        )
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self.ready.wait(60)

    def decisions(self) -> list[int]:
        return [
            json.loads(text)["sample_index"]
            for topic, text, _ in self.heard
            if topic == f"{TOPIC}/decision"
        ]

    def statuses(self) -> list[str]:
        return [text for topic, text, _ in self.heard if topic == f"{TOPIC}/status"]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture(scope="session", autouse=True)
def installed(missing: Callable[[str], NoReturn]) -> None:
    if shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin") is None:
        missing("mosquitto is not installed")


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path, "allow_anonymous true")
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def listening(mosquitto: Mosquitto) -> Iterator[Callable[[], Listener]]:
    made: list[Listener] = []

    def listen() -> Listener:
        made.append(Listener(mosquitto.port))
        return made[-1]

    yield listen
    for one in made:
        one.close()


@pytest.fixture
def sink(plain_manifest: Manifest) -> Iterator[Callable[..., tuple[Outbox, list[str]]]]:
    opened: list[Outbox] = []

    def open_one(broker: Broker, **options: object) -> tuple[Outbox, list[str]]:
        told: list[str] = []
        standing = Standing("mqtt", told.append)
        place = Mqtt(broker, plain_manifest, standing)
        opened.append(Outbox(place, kind="mqtt", standing=standing, **options))  # type: ignore[arg-type]
        return opened[-1], told

    yield open_one
    for one in opened:
        one.close()


def test_decisions_arrive_and_the_status_is_retained(mosquitto, listening, sink) -> None:
    heard = listening()
    box, told = sink(mosquitto.broker())
    for n in range(50):
        box.send(decision(n))
    until(lambda: len(heard.decisions()) == 50)
    assert heard.decisions() == list(range(50))
    late = listening()
    until(lambda: len(late.heard) == 2)
    assert (f"{TOPIC}/status", "online", True) in late.heard
    (model,) = [json.loads(text) for topic, text, _ in late.heard if topic == f"{TOPIC}/model"]
    assert model == {
        "name": "não",
        "labels": ["left", "rest", "não"],
        "rest_label": "rest",
        "sample_rate_hz": 250.0,
    }
    box.close()
    until(lambda: heard.statuses() == ["online", "offline"])
    assert box.summary() == {"sent": 50, "dropped": 0, "failed": 0, "retried": 0}
    assert told == []


def test_a_decision_is_the_same_json_as_on_stdout(mosquitto, listening, sink) -> None:
    heard = listening()
    box, _ = sink(mosquitto.broker(), lossless=True)
    box.send(decision(7))
    until(heard.decisions)
    (text,) = [text for topic, text, _ in heard.heard if topic == f"{TOPIC}/decision"]
    assert text == decision(7).as_json()


@pytest.mark.slow
def test_a_broker_that_is_stopped_in_the_middle_loses_nothing_that_has_room(
    mosquitto, listening, sink
) -> None:
    heard = listening()
    box, told = sink(mosquitto.broker())
    for n in range(10):
        box.send(decision(n))
    until(lambda: len(heard.decisions()) == 10)
    heard.ready.clear()
    mosquitto.stop()
    for n in range(10, 30):
        box.send(decision(n))
    until(lambda: box.summary()["retried"] >= 2)
    mosquitto.start()
    # who listens must be back too; till then the broker keeps nothing for it
    box.send(decision(30))
    assert heard.ready.wait(60)
    until(lambda: box.summary()["sent"] == 31)
    for n in range(31, 40):
        box.send(decision(n))
    until(lambda: 39 in heard.decisions())
    assert heard.decisions()[-9:] == list(range(31, 40))
    late = listening()
    until(lambda: late.statuses() == ["online"])
    box.close()
    assert box.summary()["sent"] == 40
    assert box.summary()["dropped"] == 0
    until(lambda: len(told) == 2)
    down, back = told
    assert f"the connection to the broker at 127.0.0.1:{mosquitto.port} is lost" in down
    assert "works again" in back


def test_a_broker_that_is_not_there_is_told_once_and_waited_for(mosquitto, listening, sink) -> None:
    mosquitto.stop()
    box, told = sink(mosquitto.broker())
    box.send(decision(0))
    until(lambda: told)
    assert f"cannot reach the broker at 127.0.0.1:{mosquitto.port}" in told[0]
    assert "Connection refused" in told[0]
    mosquitto.start()
    until(lambda: box.summary()["sent"] == 1)
    until(lambda: len(told) == 2)
    assert "works again" in told[1]
    late = listening()
    until(lambda: late.statuses() == ["online"])


def test_a_broker_that_never_comes_does_not_hold_up_the_end(mosquitto, sink) -> None:
    mosquitto.stop()
    box, _ = sink(mosquitto.broker())
    box.send(decision(0))
    begun = time.monotonic()
    box.close()
    assert time.monotonic() - begun < 30
    assert box.summary()["dropped"] == 1


_SEND_AND_HANG = """
import sys, time
from edgeemg.manifest import parse_manifest
from edgeemg.cli.sinks import open_sinks
from edgeemg.runtime.sinks import Decision

manifest = parse_manifest(sys.stdin.read(), source="stdin")
(sink,) = open_sinks([sys.argv[1]], manifest=manifest, lossless=False, tell=print)
sink.send(Decision("left", 1.0, 5, 0.02, None, "e"))
time.sleep(600)
"""


def test_the_last_will_of_a_killed_process_says_offline(
    mosquitto, listening, plain_manifest
) -> None:
    heard = listening()
    url = f"mqtt://127.0.0.1:{mosquitto.port}/{TOPIC}"
    process = subprocess.Popen([sys.executable, "-c", _SEND_AND_HANG, url], stdin=subprocess.PIPE)
    try:
        assert process.stdin is not None
        process.stdin.write(plain_manifest.dumps().encode())
        process.stdin.close()
        until(lambda: heard.decisions() == [5])
        process.send_signal(signal.SIGKILL)
        until(lambda: heard.statuses() == ["online", "offline"])
    finally:
        process.kill()
        process.wait()
    late = listening()
    until(lambda: (f"{TOPIC}/status", "offline", True) in late.heard)


def test_a_broker_that_takes_connections_and_says_nothing_is_left_in_time(sink) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        box, _ = sink(Broker("127.0.0.1", mute.getsockname()[1], TOPIC, tls=False))
        box.send(decision(0))
        time.sleep(0.3)
        begun = time.monotonic()
        box.close()
        assert time.monotonic() - begun < 30
    assert box.summary()["dropped"] == 1


@pytest.mark.parametrize(
    "noise",
    [
        b"\x00" * 64,
        b"\xff" * 64,
        b"\x20\x02\x00",
        b"HTTP/1.1 400\r\n",
        b"\x20\x02\x00\x00\x30\x00",  # welcome, and a message without a topic
    ],
)
def test_a_broker_that_talks_nonsense_is_down_and_no_end_of_the_run(noise, sink) -> None:
    over = threading.Event()

    def talk(server: socket.socket) -> None:
        server.settimeout(0.1)
        while not over.is_set():
            try:
                connection, _ = server.accept()
            except TimeoutError:
                continue
            with connection:
                connection.sendall(noise)
                time.sleep(0.05)

    with socket.create_server(("127.0.0.1", 0)) as server:
        talker = threading.Thread(target=talk, args=(server,))
        talker.start()
        box, told = sink(Broker("127.0.0.1", server.getsockname()[1], TOPIC, tls=False))
        box.send(decision(0))
        until(lambda: told or box.summary()["retried"] > 1)
        box.close()
        over.set()
        talker.join()
    assert box.summary()["sent"] == 0


_GREETING = b"\x20\x02\x00\x00"  # CONNACK: welcome
_BROKEN = b"\x30\x00"  # PUBLISH without a topic


class Stub:
    """Greets every client, says `more`, and confirms nothing."""

    def __init__(self, *more: bytes) -> None:
        self._more = list(more)
        self._server = socket.create_server(("127.0.0.1", 0))
        self.connections: list[socket.socket] = []
        self._thread = threading.Thread(target=self._welcome, daemon=True)
        self._thread.start()

    def __enter__(self) -> "Stub":
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._thread.join(60)
        for one in (self._server, *self.connections):
            one.close()

    def broker(self) -> Broker:
        return Broker("127.0.0.1", self._server.getsockname()[1], TOPIC, tls=False)

    def _welcome(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            self.connections.append(connection)
            with suppress(OSError):  # it hung up
                connection.recv(4096)
                connection.sendall(_GREETING + (self._more.pop(0) if self._more else b""))


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_nonsense_after_the_greeting_costs_the_connection_and_not_the_day(sink) -> None:
    with Stub(_BROKEN, _BROKEN) as stub:
        box, told = sink(stub.broker())
        until(lambda: len(stub.connections) >= 3)
        until(lambda: len(told) >= 2)
        assert "connection to the broker" in told[0]
        assert "works again" in told[1]
        box.close()


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_paho_does_not_expect_is_told_and_no_end_of_its_thread(sink) -> None:
    box, told = sink(Broker("a" * 70 + ".example", 1883, TOPIC, tls=False))
    box.send(decision(0))
    until(lambda: box.summary()["retried"] >= 2)
    box.close()
    assert len(told) == 1
    assert "broke (" in told[0]


def test_what_the_broker_never_confirmed_is_no_decision_sent(sink) -> None:
    with Stub() as stub:
        box, _ = sink(stub.broker())
        for n in range(60):
            box.send(decision(n))
        until(lambda: box.summary()["sent"] == 20)
        box.close()
    assert box.summary()["sent"] == 0
    assert box.summary()["dropped"] == 60


def test_a_word_that_comes_before_it_is_awaited_counts_all_the_same() -> None:
    words = _Words()
    words.confirm(1)
    words.await_one(1, "decision")
    words.await_one(2, "decision")
    words.await_one(3, "status")
    assert (words.confirmed, words.awaited(), words.awaited("decision")) == (1, 2, 1)
    words.confirm(3)
    words.confirm(2)
    assert (words.confirmed, words.awaited()) == (2, 0)


def test_another_model_is_published_anew(mosquitto, listening, sink, plain_manifest) -> None:
    heard = listening()
    box, _ = sink(mosquitto.broker())
    box.send(decision(0))
    until(heard.decisions)
    box.model_is(plain_manifest)  # the same: nothing to say
    box.model_is(replace(plain_manifest, name="second", labels=("a", "b"), rest_label=None))

    def models(one: Listener) -> list[str]:
        return [json.loads(text)["name"] for topic, text, _ in one.heard if "model" in topic]

    until(lambda: "second" in models(heard))
    assert models(heard) == ["não", "second"]
    late = listening()
    until(lambda: models(late))
    assert models(late) == ["second"]
    box.send(decision(1))
    until(lambda: heard.decisions() == [0, 1])
    box.close()
    assert box.summary()["sent"] == 2


def test_another_model_is_published_once_the_broker_is_there(
    mosquitto, listening, sink, plain_manifest
) -> None:
    mosquitto.stop()
    box, told = sink(mosquitto.broker())
    box.model_is(replace(plain_manifest, name="second"))
    box.model_is(replace(plain_manifest, name="third"))
    until(lambda: told)
    mosquitto.start()
    until(lambda: len(told) == 2)
    late = listening()
    until(lambda: any('"third"' in text for _, text, _ in late.heard))
    box.close()


# --- credentials and TLS


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker with a certificate of its own and one user, `me` with `secret`."""
    key, certificate = tmp_path / "key.pem", tmp_path / "ca.pem"
    make = f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout {key} -out {certificate}"
    subject = ["-subj", "/CN=edgeemg test", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*make.split(), *subject], check=True, capture_output=True)
    key.chmod(0o644)  # mosquitto may run as another user
    tmp_path.chmod(0o755)
    passwords = tmp_path / "passwords"
    made = ["mosquitto_passwd", "-c", "-b", str(passwords), "me", "secret"]
    subprocess.run(made, check=True, capture_output=True)
    passwords.chmod(0o644)
    broker = Mosquitto(
        tmp_path,
        f"certfile {certificate}",
        f"keyfile {key}",
        f"password_file {passwords}",
        "allow_anonymous false",
        "user root" if os.geteuid() == 0 else "",
    )
    broker.start()
    yield broker
    broker.stop()


def test_tls_and_credentials_are_used(secured, tmp_path, sink) -> None:
    right = {"tls": True, "ca": tmp_path / "ca.pem", "username": "me", "password": "secret"}
    box, told = sink(secured.broker(**right))
    box.send(decision(0))
    until(lambda: box.summary()["sent"] == 1)
    box.close()
    assert box.summary()["sent"] == 1
    assert told == []


def test_a_wrong_password_is_told(secured, tmp_path, sink) -> None:
    wrong = {"tls": True, "ca": tmp_path / "ca.pem", "username": "me", "password": "wrong"}
    box, told = sink(secured.broker(**wrong))
    box.send(decision(0))
    until(lambda: told)
    assert f"127.0.0.1:{secured.port} refused the connection (Not authorized)" in told[0]
    assert "wrong" not in told[0]
    box.close()
    assert box.summary()["sent"] == 0


def test_a_certificate_that_nobody_vouches_for_is_refused(secured, sink) -> None:
    box, told = sink(secured.broker(tls=True, username="me", password="secret"))
    box.send(decision(0))
    until(lambda: told)
    assert "its certificate is not trusted" in told[0]
    box.close()
    assert box.summary()["sent"] == 0


def test_certificates_that_cannot_be_read_are_refused(tmp_path, plain_manifest) -> None:
    (tmp_path / "not.pem").write_text("no certificate")
    for name in ("none.pem", "not.pem"):
        broker = Broker("127.0.0.1", 1, TOPIC, tls=True, ca=tmp_path / name)
        with pytest.raises(SinkError, match=f"cannot use the certificates in .*{name}"):
            Mqtt(broker, plain_manifest, Standing("mqtt", print))


def test_the_client_id_is_the_same_every_time_and_another_for_another_topic() -> None:
    one, other = (Broker("host", 1883, topic, tls=False) for topic in ("a", "b"))
    assert client_id(one) == client_id(one)
    assert client_id(one) != client_id(other)
    assert len(client_id(one)) == 23  # more, MQTT 3.1 brokers may refuse
    assert client_id(one).removeprefix("edgeemg-").isalnum()
