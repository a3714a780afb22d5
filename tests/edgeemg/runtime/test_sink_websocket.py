"""A real client, a slow one, strangers and noise, at a server that delays nobody."""

import contextlib
import json
import random
import socket
import time
from collections.abc import Callable, Iterator

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from edgeemg.errors import SinkError
from edgeemg.runtime.sink_websocket import MOST, MOST_CLIENTS, WebSocketSink
from edgeemg.runtime.sinks import Decision
from edgeemg.runtime.web_access import open_access

TOKEN = "an-easily-remembered-token"


def decision(n: int, engine: str = "e") -> Decision:
    return Decision("não", 0.5, n, n / 250, 1.5, engine)


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not true() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert true()


@pytest.fixture
def opened() -> Iterator[Callable[..., WebSocketSink]]:
    made: list[WebSocketSink] = []

    def open_one(address: str = "127.0.0.1:0", **options: object) -> WebSocketSink:
        access = open_access(address, default_port=8765)
        made.append(WebSocketSink(access, **options))  # type: ignore[arg-type]
        return made[-1]

    yield open_one
    for one in made:
        one.close()


def url(sink: WebSocketSink, target: str = "/") -> str:
    return f"ws://{sink.access.address}{target}"


def heard(client: ClientConnection, n: int) -> list[int]:
    return [json.loads(client.recv(timeout=60))["sample_index"] for _ in range(n)]


def joined(sink: WebSocketSink, n: int) -> None:
    until(lambda: len(sink._mailboxes) == n)


def test_every_client_hears_every_decision_from_when_it_came(opened) -> None:
    sink = opened()
    sink.send(decision(0))
    with connect(url(sink)) as first:
        joined(sink, 1)
        sink.send(decision(1))
        with connect(url(sink)) as second:
            joined(sink, 2)
            sink.send(decision(2))
            assert heard(first, 2) == [1, 2]
            text = second.recv(timeout=60)
    assert text == decision(2).as_json()
    joined(sink, 0)
    sink.close()
    assert sink.summary() == {"sent": 3, "dropped": 0, "failed": 0, "unheard": 1, "refused": 0}


def test_what_was_sent_arrives_before_the_end(opened) -> None:
    sink = opened()
    with connect(url(sink)) as client:
        joined(sink, 1)
        for n in range(20):
            sink.send(decision(n))
        sink.close()
        assert heard(client, 20) == list(range(20))
        with pytest.raises(ConnectionClosed):
            client.recv(timeout=60)
    assert sink.summary()["sent"] == 20


def test_a_client_that_does_not_read_loses_its_own_oldest_and_delays_nobody(opened) -> None:
    sink = opened()
    long = "e" * 20_000  # so that what the system buffers is soon full
    with connect(url(sink), max_queue=1, close_timeout=1) as slow, connect(url(sink)) as quick:
        joined(sink, 2)
        for n in range(1000):
            sink.send(decision(n, long))
            assert heard(quick, 1) == [n]
        until(lambda: sink.summary()["dropped"] > 0)
        read = heard(slow, 50)
        assert read == list(range(50))
        begun = time.monotonic()
        sink.close()
        assert time.monotonic() - begun < 30
    counts = sink.summary()
    assert counts["dropped"] + counts["sent"] + counts["failed"] == 2000


def test_a_recording_waits_for_the_slowest_client(opened) -> None:
    sink = opened(lossless=True)
    with connect(url(sink)) as client:
        joined(sink, 1)
        for n in range(10 * MOST):
            sink.send(decision(n))
        assert heard(client, 10 * MOST) == list(range(10 * MOST))
    assert sink.summary()["dropped"] == 0


def test_a_recording_that_is_to_stop_waits_for_nobody(opened) -> None:
    sink = opened(lossless=True, stopped=lambda: True)
    with connect(url(sink), max_queue=1, close_timeout=1):
        joined(sink, 1)
        for n in range(1000):
            sink.send(decision(n, "e" * 20_000))
        sink.close()
    assert sink.summary()["dropped"] > 0


def refused(sink: WebSocketSink, target: str = "/", **options: object) -> int:
    with pytest.raises(InvalidStatus) as error, connect(url(sink, target), **options):  # type: ignore[arg-type]
        pass
    return error.value.response.status_code


def test_a_page_of_another_site_is_refused(opened) -> None:
    sink = opened()
    assert refused(sink, origin="https://elsewhere.example") == 403
    assert refused(sink, origin="null") == 403
    assert sink.summary()["refused"] == 2
    with connect(url(sink), origin=f"http://{sink.access.address}"):
        joined(sink, 1)


def test_a_page_that_was_named_may_connect(opened) -> None:
    sink = opened(origins=("http://localhost:3000",))
    with connect(url(sink), origin="http://localhost:3000"):
        joined(sink, 1)
    assert refused(sink, origin="http://localhost:3001") == 403


def test_another_name_for_this_machine_is_refused(opened) -> None:
    sink = opened()
    address = (sink.access.address.host, sink.access.address.port)
    with (
        pytest.raises(InvalidStatus) as error,
        socket.create_connection(address) as made,
        connect("ws://rebound.example/", sock=made),
    ):
        pass
    assert error.value.response.status_code == 403


def test_with_a_token_it_is_needed(opened, monkeypatch) -> None:
    monkeypatch.setenv("EDGEEMG_TOKEN", TOKEN)
    sink = opened()
    assert refused(sink) == 403
    assert refused(sink, "/?token=wrong") == 403
    with connect(url(sink, f"/?token={TOKEN}")):
        joined(sink, 1)
    with connect(url(sink), additional_headers={"Authorization": f"Bearer {TOKEN}"}):
        joined(sink, 1)


def test_a_port_that_is_taken_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        access = open_access(f"127.0.0.1:{port}", default_port=1)
        with pytest.raises(SinkError, match=f"cannot listen at 127.0.0.1:{port}"):
            WebSocketSink(access)


def test_an_address_that_is_not_this_machines_is_refused(monkeypatch) -> None:
    monkeypatch.setenv("EDGEEMG_TOKEN", TOKEN)
    access = open_access("no-such-host.invalid:1", default_port=1)
    with pytest.raises(SinkError, match=r"cannot listen at no-such-host\.invalid:1 \("):
        WebSocketSink(access)


def test_too_many_clients_are_refused(opened) -> None:
    sink = opened()
    with contextlib.ExitStack() as stack:
        for _ in range(MOST_CLIENTS):
            stack.enter_context(connect(url(sink)))
        joined(sink, MOST_CLIENTS)
        assert refused(sink) == 503


def test_a_client_that_talks_is_shown_out(opened) -> None:
    sink = opened()
    with connect(url(sink)) as client:
        joined(sink, 1)
        with contextlib.suppress(ConnectionClosed):
            for _ in range(1000):
                client.send("hello")
        with pytest.raises(ConnectionClosed, match="this socket only tells"):
            client.recv(timeout=60)
    joined(sink, 0)


def test_a_message_that_is_too_long_ends_that_client_alone(opened) -> None:
    sink = opened()
    with connect(url(sink)) as talker, connect(url(sink)) as other:
        joined(sink, 2)
        talker.send("x" * 100_000)
        joined(sink, 1)
        sink.send(decision(1))
        assert heard(other, 1) == [1]


_UPGRADE = (
    "GET / HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def noises(seed: int) -> Iterator[bytes]:
    """Random bytes, and requests that were cut, stretched or changed in one place."""
    chance = random.Random(seed)
    for _ in range(60):
        yield chance.randbytes(chance.randrange(1, 3000))
    whole = _UPGRADE.encode()
    for _ in range(60):
        changed = bytearray(whole)
        changed[chance.randrange(len(changed))] = chance.randrange(256)
        yield bytes(changed[: chance.randrange(1, len(changed) + 1)])
    yield b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 10_000
    yield b"GET /" + b"a" * 100_000


def test_random_bytes_end_nothing_and_say_nothing(opened, capfd) -> None:
    sink = opened()
    address = (sink.access.address.host, sink.access.address.port)
    with connect(url(sink)) as client:
        joined(sink, 1)
        for noise in noises(1):
            with socket.create_connection(address) as raw, contextlib.suppress(OSError):
                raw.sendall(noise)
        sink.send(decision(1))
        assert heard(client, 1) == [1]
    assert capfd.readouterr() == ("", "")


def test_random_frames_of_a_client_end_nothing_and_say_nothing(opened, capfd) -> None:
    sink = opened()
    host, port = sink.access.address.host, sink.access.address.port
    chance = random.Random(2)
    with connect(url(sink)) as client:
        joined(sink, 1)
        for _ in range(60):
            with socket.create_connection((host, port)) as raw, contextlib.suppress(OSError):
                raw.sendall(_UPGRADE.format(host=f"{host}:{port}").encode())
                assert raw.recv(12) == b"HTTP/1.1 101"
                raw.sendall(chance.randbytes(chance.randrange(1, 2000)))
        joined(sink, 1)
        sink.send(decision(1))
        assert heard(client, 1) == [1]
    sink.close()
    assert capfd.readouterr() == ("", "")


def test_a_request_that_never_ends_holds_up_neither_others_nor_the_end(opened) -> None:
    sink = opened()
    address = (sink.access.address.host, sink.access.address.port)
    with socket.create_connection(address) as raw:
        raw.sendall(b"GET / HTTP/1.1\r\nHost:")
        with connect(url(sink)) as client:
            joined(sink, 1)
            sink.send(decision(1))
            assert heard(client, 1) == [1]
        begun = time.monotonic()
        sink.close()
        assert time.monotonic() - begun < 30
    assert not sink._thread.is_alive()
