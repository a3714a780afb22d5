"""The monitor's server: who gets what, who is refused, and that nobody delays the loop."""

import json
import select
import socket
import time
from contextlib import ExitStack, suppress
from dataclasses import replace
from http.client import HTTPConnection, HTTPException

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from edgeemg.data.level_meter import LevelMeter
from edgeemg.dsp.samples import Samples
from edgeemg.errors import SinkError
from edgeemg.runtime import monitor as module
from edgeemg.runtime.decisions import Verdict
from edgeemg.runtime.monitor import Monitor
from edgeemg.runtime.monitor_messages import Messages
from edgeemg.runtime.watching import Said
from edgeemg.runtime.web_access import Access, Address

TOKEN = "a-token-of-some-length"


def messages_of(manifest):
    meter = LevelMeter(250, 2, microvolts_per_count=0.01, rails_uv=(-1e9, 1e9))
    return Messages(manifest, meter=meter, facts=lambda: {"state": "connected"})


@pytest.fixture(scope="module")
def monitor(commands):
    with Monitor(
        Access(Address("127.0.0.1", 0)), messages_of(commands), tell=pytest.fail
    ) as opened:
        yield opened


@pytest.fixture(scope="module")
def guarded(commands):
    with Monitor(
        Access(Address("127.0.0.1", 0), TOKEN), messages_of(commands), tell=pytest.fail
    ) as opened:
        yield opened


def port_of(monitor):
    return int(monitor.url.rsplit(":", 1)[1].rstrip("/"))


def got(monitor, path="/", **headers):
    """Status, headers and text of a GET."""
    connection = HTTPConnection("127.0.0.1", port_of(monitor), timeout=30)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, dict(answer.getheaders()), text


def live(monitor, query="", **options):
    return connect(f"ws://127.0.0.1:{port_of(monitor)}/live{query}", **options)


def heard(socket_, wanted, within_s=30.0):
    """The first message that `wanted` says yes to."""
    deadline_s = time.monotonic() + within_s
    while time.monotonic() < deadline_s:
        message = json.loads(socket_.recv(30))
        if wanted(message):
            return message
        socket_.send(".")
    raise AssertionError("it never came")


def until(holds):
    deadline_s = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline_s, "it never came to be"
        time.sleep(0.01)


def answers(monitor):
    try:
        return got(monitor)[0] == 200
    except (OSError, HTTPException):  # it is full
        return False


def close_code(viewer):
    """What it is told at the end."""
    try:
        while True:
            viewer.recv(30)
    except ConnectionClosed as closed:
        return closed.rcvd.code


def emg(n=25, first=0):
    return Samples.contiguous(
        np.random.default_rng(first).normal(0, 20, (n, 2)), 250, first_index=first
    )


def test_the_page_asks_for_nothing_but_itself(monitor):
    status, headers, text = got(monitor)
    policy = headers["Content-Security-Policy"]
    assert status == 200
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http://" not in text
    assert "https://" not in text.replace('"https:"', "")


def test_a_viewer_is_told_what_runs_and_then_what_goes_on(monitor):
    with live(monitor) as viewer:
        assert json.loads(viewer.recv(30))["kind"] == "hello"
        heard(viewer, lambda one: one["kind"] == "frame")
        for n in range(20):
            monitor.see(emg(first=25 * n))
        monitor.hear(
            Said(np.float32([3, 0, 0]), 499, True, 0.0), Verdict("left", 0.9, 499, True), 1.0
        )
        frame = heard(viewer, lambda one: "decisions" in one)
        assert [one["label"] for one in frame["decisions"]] == ["left"]
        heard(viewer, lambda one: one.get("facts", {}).get("state") == "connected")
        first = iter(range(500, 10**9, 50))

        def are_good(message):
            monitor.see(emg(50, next(first)))
            return [c["word"] for c in message.get("contact", [])] == ["good", "good"]

        heard(viewer, are_good)


def test_several_viewers_are_told_the_same(monitor):
    with live(monitor) as one, live(monitor) as two:
        monitor.hear(Said(np.float32([3, 0, 0]), 7, True, 0.0), Verdict("right", 0.8, 7, True), 1.0)
        for viewer in (one, two):
            frame = heard(
                viewer,
                lambda message: [d for d in message.get("decisions", []) if d["label"] == "right"],
            )
            assert frame["decisions"][-1]["sample_index"] == 7


def test_a_viewer_that_answers_nothing_gets_two_seconds_and_then_no_more(monitor):
    with live(monitor) as silent:
        n = 0
        while n < 16:
            n += json.loads(silent.recv(30))["kind"] == "frame"
        with pytest.raises(TimeoutError):
            silent.recv(1)
        silent.send(".")
        assert heard(silent, lambda one: one["kind"] == "hello")
        assert heard(silent, lambda one: one["kind"] == "frame")


def test_a_viewer_that_reads_nothing_delays_nobody(monitor):
    with live(monitor) as stalled, live(monitor) as viewer:
        heard(viewer, lambda one: one["kind"] == "frame")
        started_s = time.monotonic()
        for n in range(2000):
            monitor.see(emg(first=25 * n))
        assert (time.monotonic() - started_s) / 2000 < 0.01  # 100 times what it takes
        heard(viewer, lambda one: one["kind"] == "frame" and one["traces"])
        stalled.socket.close()


def test_the_ninth_viewer_is_refused(monitor):
    with ExitStack() as stack:
        for _ in range(8):
            stack.enter_context(live(monitor)).recv(30)
        with pytest.raises(InvalidStatus) as refused:
            stack.enter_context(live(monitor))
        assert refused.value.response.status_code == 503


@pytest.mark.parametrize(
    "headers", [{"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Origin": "null"}]
)
@pytest.mark.parametrize("path", ["/", "/live", "/elsewhere"])
def test_strangers_are_refused(monitor, headers, path):
    status, _, text = got(monitor, path, **headers)
    assert status == 403
    assert "<html" not in text


def test_a_socket_of_another_page_is_refused(monitor):
    with pytest.raises(InvalidStatus) as refused:
        live(monitor, origin="http://evil.example")
    assert refused.value.response.status_code == 403


def test_an_unknown_path_is_not_found(monitor):
    assert got(monitor, "/elsewhere")[0] == 404


def test_without_the_token_there_is_only_a_field_for_it(guarded):
    status, headers, text = got(guarded)
    assert status == 403
    assert '<input name="token"' in text
    assert "<script" not in text
    assert headers["Content-Security-Policy"]
    for wrong in ("", "?token=", "?token=wrong"):
        with pytest.raises(InvalidStatus) as refused:
            live(guarded, wrong)
        assert refused.value.response.status_code == 403


def test_with_the_token_all_is_shown(guarded):
    assert got(guarded, f"/?token={TOKEN}")[0] == 200
    assert got(guarded, Authorization=f"Bearer {TOKEN}")[0] == 200
    with live(guarded, f"?token={TOKEN}") as viewer:
        assert json.loads(viewer.recv(30))["kind"] == "hello"


def test_an_address_in_use_is_told_once_and_taken_when_it_is_free(commands, monkeypatch):
    monkeypatch.setattr(module, "_AGAIN_S", 0.05)
    told, listens = [], []
    with ExitStack() as stack:
        with Monitor(
            Access(Address("127.0.0.1", 0)), messages_of(commands), tell=pytest.fail
        ) as one:
            access = Access(Address("127.0.0.1", port_of(one)))
            two = stack.enter_context(
                Monitor(access, messages_of(commands), tell=told.append, listens=listens.append)
            )
            until(lambda: told)
            two.see(emg())  # decisions go on meanwhile
            time.sleep(0.3)  # a few tries more
            assert listens == []
        assert port_of(two) == access.address.port
        assert got(two)[0] == 200
        assert listens == [two.url]
    (line,) = told
    assert str(access.address) in line
    assert "tried again" in line
    assert "--monitor" in line


def test_a_host_that_is_not_here_is_told_by_name_and_ends_nothing(commands, monkeypatch):
    monkeypatch.setattr(module, "_START_S", 0.1)
    access = Access(Address("203.0.113.7", 0), TOKEN)  # of documentation, nobody's
    told = []
    with Monitor(access, messages_of(commands), tell=told.append) as opened:
        until(lambda: told)
        with pytest.raises(SinkError, match="does not listen"):
            _ = opened.url
    assert "203.0.113.7" in told[0]


def test_what_was_only_just_opened_ends_too(commands):
    for _ in range(20):
        with Monitor(
            Access(Address("127.0.0.1", 0)), messages_of(commands), tell=pytest.fail
        ) as it:
            thread = it._thread
        thread.join(30)
        assert not thread.is_alive()


def test_viewers_stay_and_are_told_of_another_model(commands):
    other = replace(commands, name="another", labels=("ja", "nein", "rest"))
    with (
        Monitor(Access(Address("127.0.0.1", 0)), messages_of(commands), tell=pytest.fail) as opened,
        live(opened) as viewer,
    ):
        heard(viewer, lambda one: one["kind"] == "frame")
        opened.show(messages_of(other))
        hello = heard(viewer, lambda one: one["kind"] == "hello" and one["model"] == "another")
        assert hello["labels"] == ["ja", "nein", "rest"]
        opened.hear(Said(np.float32([3, 0, 0]), 7, True, 0.0), Verdict("ja", 0.8, 7, True), 1.0)
        frame = heard(viewer, lambda one: one["kind"] == "frame" and one.get("decisions"))
        assert [one["label"] for one in frame["decisions"]] == ["ja"]
        with live(opened) as late:
            assert json.loads(late.recv(30))["model"] == "another"


def test_a_crowd_that_says_nothing_takes_few_descriptors(commands, monkeypatch):
    monkeypatch.setattr(module, "_OPENING_S", 600.0)
    with ExitStack() as stack:
        opened = stack.enter_context(
            Monitor(Access(Address("127.0.0.1", 0)), messages_of(commands), tell=pytest.fail)
        )
        viewer = stack.enter_context(live(opened))
        mute = [
            stack.enter_context(
                socket.create_connection(("127.0.0.1", port_of(opened)), timeout=30)
            )
            for _ in range(100)
        ]

        def closed():
            return select.select(mute, [], [], 0.05)[0]

        until(lambda: len(closed()) >= 100 - 31)
        assert len(closed()) == 100 - 31  # and the viewer is the 32nd
        heard(viewer, lambda one: one["kind"] == "frame")
        for one in mute:
            one.close()
        until(lambda: answers(opened))


def test_its_end_is_told_to_viewers_and_waits_for_none(commands, monkeypatch):
    monkeypatch.setattr(module, "_OPENING_S", 600.0)
    with ExitStack() as stack:
        with Monitor(
            Access(Address("127.0.0.1", 0)), messages_of(commands), tell=pytest.fail
        ) as opened:
            port = port_of(opened)
            viewer = stack.enter_context(live(opened))
            viewer.recv(30)  # it looks on
            half = socket.create_connection(("127.0.0.1", port))
        assert close_code(viewer) == 1001
        opened._thread.join(60)
        assert not opened._thread.is_alive()  # who said half a request is given ten minutes
        half.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def test_an_end_of_the_page_is_told_and_ends_nothing_else(commands):
    class Broken(Messages):
        def next(self):
            raise ValueError("no frame")

    told = []
    meter = LevelMeter(250, 2, microvolts_per_count=0.01, rails_uv=(-1e9, 1e9))
    broken = Broken(commands, meter=meter, facts=dict)
    with Monitor(Access(Address("127.0.0.1", 0)), broken, tell=told.append) as opened:
        with live(opened) as viewer:
            assert close_code(viewer) == 1001
        until(lambda: told)
        opened.see(emg())
    assert told == ["the monitor ended (ValueError: no frame)"]


@settings(max_examples=40)
@given(noise=st.binary(max_size=400), begins=st.sampled_from([b"", b"GET / HTTP/1.1\r\n", b"GET "]))
def test_random_bytes_at_the_port_harm_nobody(monitor, noise, begins):
    with (
        suppress(ConnectionResetError, BrokenPipeError),
        socket.create_connection(("127.0.0.1", port_of(monitor)), timeout=30) as raw,
    ):
        raw.sendall(begins + noise)
        raw.shutdown(socket.SHUT_WR)
        assert not raw.recv(65536).startswith(b"HTTP/1.1 200")
    assert got(monitor)[0] == 200


@settings(max_examples=20)
@given(noise=st.binary(min_size=1, max_size=400))
def test_random_bytes_behind_the_handshake_harm_nobody(monitor, noise):
    with live(monitor) as viewer:
        viewer.socket.sendall(noise)
        with suppress(ConnectionClosed, TimeoutError, OSError):
            viewer.recv(0.2)
        viewer.socket.close()
    assert got(monitor)[0] == 200


def test_a_long_message_closes_that_viewer_alone(monitor):
    with live(monitor) as other, live(monitor) as viewer:
        viewer.send("x" * 100_000)
        assert close_code(viewer) == 1009
        heard(other, lambda one: one["kind"] == "frame")
