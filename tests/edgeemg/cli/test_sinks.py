"""What `run --sink` takes: all of it or none, and one clear line for what is wrong."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from edgeemg.cli.sink_names import EXAMPLES
from edgeemg.cli.sinks import KINDS, close_sinks, open_sinks, sink_counters, tell_model
from edgeemg.errors import SinkError
from edgeemg.runtime.sinks import Decision, JsonLines


def decision(n):
    return Decision("left", 0.5, n, n / 250, 1.5, "e")


def until(true):
    deadline = time.monotonic() + 60
    while not true() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert true()


def own_threads():
    return {one for one in threading.enumerate() if one.name.startswith("sink ")}


@pytest.fixture
def opened(plain_manifest):
    made = []

    def open_some(*names, lossless=False):
        told = []
        sinks = open_sinks(names, manifest=plain_manifest, lossless=lossless, tell=told.append)
        made.extend(sinks)
        return sinks, told

    yield open_some
    close_sinks(made)


def test_several_at_once_each_get_every_decision(opened, tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as heard:
        heard.bind(("127.0.0.1", 0))
        heard.settimeout(60)
        sinks, told = opened(
            f"jsonl:{tmp_path / 'a'}",
            f"jsonl:{tmp_path / 'b'}",
            f"udp://127.0.0.1:{heard.getsockname()[1]}",
            f"exec:sh -c 'cat >> {tmp_path / 'c'}'",
            lossless=True,
        )
        for n in range(3):
            for sink in sinks:
                sink.send(decision(n))
        assert [json.loads(heard.recv(2000))["sample_index"] for _ in range(3)] == [0, 1, 2]
    close_sinks(sinks)
    for name in "abc":
        lines = (tmp_path / name).read_text().splitlines()
        assert [json.loads(line)["sample_index"] for line in lines] == [0, 1, 2]
    counters = sink_counters(sinks)
    sent = {name: n for name, n in counters.items() if name.endswith("sent")}
    assert sent == {
        "sink_jsonl_sent": 3,
        "sink_jsonl_2_sent": 3,
        "sink_udp_sent": 3,
        "sink_exec_sent": 3,
    }
    assert sum(counters.values()) == 12
    assert told == []


def test_all_are_opened_or_none(opened, tmp_path):
    def descriptors():
        return len(list(Path("/proc/self/fd").iterdir()))

    before, held = own_threads(), descriptors()
    with pytest.raises(SinkError, match="unknown sink"):
        opened(f"jsonl:{tmp_path / 'a'}", "ws://127.0.0.1:0", "fax:123")
    until(lambda: own_threads() <= before)
    until(lambda: descriptors() <= held)


def test_an_unknown_kind_lists_the_known_ones(opened):
    with pytest.raises(SinkError) as error:
        opened("fax:123")
    assert all(example in str(error.value) for example in EXAMPLES.values())
    assert list(KINDS) == list(EXAMPLES)


@pytest.mark.parametrize("name", ["exec:true", "keys:left=KEY_UP"])
def test_no_key_is_pressed_for_every_hop(name, plain_manifest, tmp_path):
    with pytest.raises(SinkError, match="leave one of the two out"):
        open_sinks(
            [f"jsonl:{tmp_path / 'a'}", name],
            manifest=plain_manifest,
            lossless=False,
            tell=print,
            every_hop=True,
        )
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mqtt://me:secret@host/topic", "can be read by every user"),
        ("mqtt://host", "must end in a topic"),
        ("mqtt:host/topic", "mqtt://HOST"),
        ("udp://host", "udp://HOST:PORT"),
        ("ws://0.0.0.0:8765", "needs a token"),
        ("ws://127.0.0.1:8765/path", "no path"),
        ("ws://127.0.0.1:8765?token=x", "unknown or empty option 'token'"),
        ("ws://127.0.0.1:8765?token_file=/no/such", "cannot read the token in /no/such"),
        ("exec:", "a command was wanted"),
        ("exec:/no/such/program", "no program '/no/such/program'"),
        ("keys:up=KEY_UP", "labels, left, rest, não"),
        ("jsonl:/no/such/folder/file", "cannot write decisions to /no/such/folder/file"),
    ],
)
def test_what_is_wrong_is_said_at_the_start(name, message, opened, monkeypatch):
    monkeypatch.delenv("EDGEEMG_TOKEN", raising=False)
    with pytest.raises(SinkError, match=message.replace("?", r"\?")):
        opened(name)


def test_a_token_in_a_file_opens_the_server_to_others(opened, tmp_path):
    from websockets.sync.client import connect

    token = tmp_path / "token"
    token.write_text("a-token-that-is-long-enough\n")
    token.chmod(0o600)
    (sink,), told = opened(f"ws://0.0.0.0:0?token_file={token}&origin=http://page.example")
    url = f"ws://127.0.0.1:{sink.access.address.port}/?token=a-token-that-is-long-enough"
    with connect(url, origin="http://page.example"):
        pass
    assert told == []


def test_dead_sinks_count_what_they_dropped(opened):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        sinks, _ = opened(*[f"mqtt://127.0.0.1:{closed.getsockname()[1]}/{n}" for n in range(5)])
        for sink in sinks:
            sink.send(decision(0))
        close_sinks(sinks)
    assert [sink.summary()["dropped"] for sink in sinks] == [1] * 5


def test_all_are_closed_at_the_same_time():
    together = threading.Barrier(20)

    class Slow:
        def close(self):
            together.wait(60)  # one after the other, the barrier would break

    close_sinks([Slow() for _ in range(20)])
    assert not together.broken


def test_another_model_is_told_to_those_that_tell_of_it(opened, plain_manifest, tmp_path):
    from edgeemg.runtime.outbox import Outbox, Place
    from edgeemg.runtime.standing import Standing

    class Reads(Place):
        model = ""

        def deliver(self, decision):
            pass

        def model_is(self, manifest):
            self.model = manifest.name

    place = Reads()
    others, _ = opened(f"jsonl:{tmp_path / 'a'}", "ws://127.0.0.1:0")
    box = Outbox(place, kind="shelf", standing=Standing("shelf", print))
    tell_model([JsonLines(sys.stdout), *others, box], plain_manifest)
    box.close()
    assert place.model == plain_manifest.name


def test_the_first_error_of_closing_is_raised_once_all_are_closed():
    class Broken:
        closed = False

        def close(self):
            self.closed = True
            raise SinkError("its reader is gone")

    sinks = [Broken(), Broken(), Broken()]
    with pytest.raises(SinkError, match="its reader is gone"):
        close_sinks(sinks)
    assert all(one.closed for one in sinks)


def test_stdout_of_a_caller_in_python_is_written_to(opened, capsys):
    (sink,), _ = opened("jsonl")
    sink.send(decision(1))
    assert json.loads(capsys.readouterr().out)["sample_index"] == 1


@pytest.mark.slow
def test_a_run_tells_every_sink_the_same(edgeemg, tiny_bundle, tiny_recording, tmp_path):
    file, log = tmp_path / "decisions.jsonl", tmp_path / "log"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as heard:
        heard.bind(("127.0.0.1", 0))
        heard.setblocking(False)  # a datagram has arrived, or never will
        sinks = (
            "jsonl",
            f"jsonl:{file}",
            f"udp://127.0.0.1:{heard.getsockname()[1]}",
            f"exec:sh -c 'cat >> {log}'",
        )
        options = [word for name in sinks for word in ("--sink", name)]
        loose = ("--threshold", 0, "--agreement-hops", 1)
        done = edgeemg("run", tiny_bundle, "--recording", tiny_recording, *loose, *options)
        assert done.returncode == 0, done.stderr
        said = done.stdout.splitlines()
        assert len(said) > 5
        assert [heard.recv(2000).decode() for _ in said] == said
    assert file.read_text("utf-8").splitlines() == said
    assert log.read_text("utf-8").splitlines() == said
    for kind in ("jsonl", "jsonl_2", "udp", "exec"):
        assert f"sink_{kind}_sent {len(said)}" in done.stderr


@pytest.mark.slow
def test_slow_and_dead_sinks_change_nothing_of_a_live_run(
    edgeemg, simulated, tiny_bundle, tiny_recording, tmp_path
):
    """The decisions are those of the offline run, and what the bad sinks lost is counted."""
    loose = ("--threshold", 0, "--agreement-hops", 1, "--refractory-ms", 200)
    offline = edgeemg("run", tiny_bundle, "--recording", tiny_recording, *loose)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        bad = (
            f"mqtt://127.0.0.1:{port}/topic",
            f"udp://127.0.0.1:{port}",
            "jsonl:/dev/full",
            "exec:sleep 600",
            "ws://127.0.0.1:0",
        )
        options = [word for name in ("jsonl", *bad) for word in ("--sink", name)]
        with simulated(tiny_recording, tmp_path / "emg") as sensor:
            live = edgeemg("run", tiny_bundle, "--port", sensor, "--seconds", 8, *loose, *options)
    assert live.returncode == 0, live.stderr
    said, wanted = (
        [(one["label"], one["sample_index"]) for one in map(json.loads, done.stdout.splitlines())]
        for done in (live, offline)
    )
    assert len(said) > 10
    assert said == wanted[: len(said)]
    counters = [line for line in live.stderr.splitlines() if "sink_jsonl_sent" in line][-1]
    counted = dict(pair.rsplit(" ", 1) for pair in counters.split("; "))
    assert int(counted["sink_jsonl_sent"]) == int(counted["decisions"]) == len(said)
    assert int(counted["sink_mqtt_dropped"]) == int(counted["sink_jsonl_2_dropped"]) == len(said)
    assert int(counted["sink_exec_dropped"]) + int(counted["sink_exec_failed"]) == len(said)
    assert int(counted["sink_ws_unheard"]) == len(said)
    for sink in ("mqtt://127.0.0.1", "udp://127.0.0.1", "jsonl:/dev/full"):
        assert len([line for line in live.stderr.splitlines() if f"sink {sink}" in line]) == 1


_SEND = """
import json, sys
from edgeemg.cli.sinks import close_sinks, open_sinks
from edgeemg.manifest import parse_manifest
from edgeemg.runtime.sinks import Decision

manifest = parse_manifest(sys.stdin.buffer.read(), source="stdin")
names, n = sys.argv[2:], int(sys.argv[1])
sinks = open_sinks(names, manifest=manifest, lossless=True, tell=print)
for index in range(n):
    for sink in sinks:
        sink.send(Decision("n\\u00e3o", 1.0, index, 0.0, None, "e"))
close_sinks(sinks)
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


def sent(manifest, n, *names, **environment):
    return subprocess.run(
        [sys.executable, "-c", _SEND, str(n), *names],
        input=manifest.dumps().encode(),
        capture_output=True,
        env=os.environ | environment,
        timeout=120,
    )


def test_stdout_loses_nothing_of_a_recording(plain_manifest):
    done = sent(plain_manifest, 5000, "jsonl")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["sample_index"] for one in lines] == list(range(5000))


def test_a_board_without_a_locale_gets_json_all_the_same(plain_manifest):
    done = sent(plain_manifest, 1, "jsonl", PYTHONUTF8="0", LC_ALL="C", PYTHONIOENCODING="ascii")
    assert done.stdout.isascii()
    assert json.loads(done.stdout)["label"] == "não"


def test_plain_jsonl_loads_nothing_of_a_network(plain_manifest, tmp_path):
    done = sent(plain_manifest, 1, "jsonl", f"jsonl:{tmp_path / 'a'}")
    loaded = {name.partition(".")[0] for name in json.loads(done.stderr)}
    assert "edgeemg" in loaded
    assert not loaded & {"paho", "websockets", "asyncio", "ssl", "socket", "subprocess"}


def test_a_reader_that_goes_ends_the_run(plain_manifest):
    command = f'{sys.executable} -c "$SEND" 100000 jsonl | head -n 1'
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        input=plain_manifest.dumps().encode(),
        capture_output=True,
        env=os.environ | {"SEND": _SEND},
        timeout=120,
    )
    assert done.returncode == 1
    assert b"cannot write decisions to stdout (Broken pipe)" in done.stderr
    assert len(done.stdout.splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "package", "extra"),
    [("mqtt://host/topic", "paho", "mqtt"), ("ws://127.0.0.1:0", "websockets", "ws")],
)
def test_a_missing_extra_is_named(name, package, extra, plain_manifest, tmp_path):
    """A package that is not there, as for an import that finds nothing."""
    hidden = f"import sys; sys.modules['{package}'] = None\n" + _SEND
    done = subprocess.run(
        [sys.executable, "-c", hidden, "1", name],
        input=plain_manifest.dumps().encode(),
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == 1
    last = done.stderr.decode().splitlines()[-1]
    assert "MissingExtraError: the " in last
    assert f"edgeemg[{extra}]" in last
