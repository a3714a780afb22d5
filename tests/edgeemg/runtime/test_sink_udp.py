import json
import socket
import time
from collections.abc import Callable, Iterator

import pytest

from edgeemg.errors import SinkError
from edgeemg.runtime.outbox import LostError, Outbox
from edgeemg.runtime.sink_udp import Udp, parse_udp
from edgeemg.runtime.sinks import Decision
from edgeemg.runtime.standing import Standing


def decision(n: int) -> Decision:
    return Decision("não", 0.5, n, n / 250, 1.5, "e")


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not true() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert true()


@pytest.fixture
def receiver() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind(("127.0.0.1", 0))
        made.settimeout(60)
        yield made


def test_each_decision_is_one_datagram(receiver: socket.socket) -> None:
    place = Udp(*receiver.getsockname())
    place.deliver(decision(1))
    place.deliver(decision(2))
    heard = [json.loads(receiver.recv(2000)) for _ in range(2)]
    assert [one["sample_index"] for one in heard] == [1, 2]
    assert heard[0]["label"] == "não"
    place.close()


def test_who_does_not_listen_is_told_and_heard_once_it_does(receiver: socket.socket) -> None:
    told: list[str] = []
    where = receiver.getsockname()
    receiver.close()
    box = Outbox(Udp(*where), kind="udp", standing=Standing("udp", told.append))
    for n in range(10):
        box.send(decision(n))
    until(lambda: sum(box.summary().values()) == 10)
    counts = box.summary()
    assert counts["failed"] >= 8  # the first went out before anyone could refuse it
    assert counts["failed"] + counts["sent"] == 10
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
        again.bind(where)
        again.settimeout(60)
        box.send(decision(10))
        box.send(decision(11))
        assert json.loads(again.recv(2000))["sample_index"] == 10
        assert json.loads(again.recv(2000))["sample_index"] == 11
    box.close()
    assert told[0].startswith("sink udp: nobody listens at 127.0.0.1:")
    assert len(told) <= 3


def test_a_lost_answer_is_not_tried_again(receiver: socket.socket) -> None:
    where = receiver.getsockname()
    receiver.close()
    place = Udp(*where)
    place.deliver(decision(0))
    time.sleep(0.1)
    with pytest.raises(LostError, match="nobody listens"):
        place.deliver(decision(1))
    place.close()


def test_a_host_that_has_no_address_is_tried_again() -> None:
    place = Udp("no-such-host.invalid", 9)
    for _ in range(2):
        with pytest.raises(SinkError, match=r"cannot send to no-such-host\.invalid:9 \("):
            place.deliver(decision(0))


@pytest.mark.parametrize(
    "text", ["udp://", "udp://host", "udp://:9000", "udp://h:0", "udp://h:1/a"]
)
def test_host_and_port_are_needed(text: str) -> None:
    with pytest.raises(SinkError, match="udp://HOST:PORT was wanted"):
        parse_udp(text)


def test_an_ipv6_address_has_brackets() -> None:
    assert parse_udp("udp://[::1]:9000") == ("::1", 9000)


def test_a_name_with_several_addresses_reaches_the_one_that_listens(
    receiver: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """localhost is ::1 and 127.0.0.1 in many a /etc/hosts, and ::1 comes first."""
    port = receiver.getsockname()[1]
    found = [
        entry
        for host in ("127.0.0.2", "127.0.0.1")
        for entry in socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: list(found))
    box = Outbox(Udp("localhost", port), kind="udp", standing=Standing("udp", print))
    for n in range(10):
        box.send(decision(n))
    until(lambda: sum(box.summary().values()) == 10)
    box.close()
    assert box.summary()["failed"] <= 1
    heard = [json.loads(receiver.recv(2000))["sample_index"] for _ in range(9)]
    assert heard == list(range(1, 10))


def test_an_address_that_cannot_be_reached_from_here_is_passed_over(
    receiver: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = socket.getaddrinfo(*receiver.getsockname(), type=socket.SOCK_DGRAM)
    away = [(socket.AF_INET6, *rest) for _, *rest in here]  # no IPv6 address
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: away + here)
    place = Udp("localhost", 1)
    place.deliver(decision(3))
    assert json.loads(receiver.recv(2000))["sample_index"] == 3
    place.close()
