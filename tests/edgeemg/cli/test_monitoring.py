"""`edgeemg run --monitor`: a page beside the decisions, from a simulated sensor."""

import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from urllib.request import urlopen

import numpy as np
import pytest
from websockets.sync.client import connect

from edgeemg.cli.monitoring import open_monitor
from edgeemg.dsp.samples import Samples
from edgeemg.errors import SinkError
from edgeemg.manifest import read_manifest, write_manifest

LAST_COUNT = 1023


class Converter:
    """What the monitor reads of a sensor's stream: ten bits around 512, a tenth of a microvolt."""

    microvolts_per_count, zero_count = 0.1, 512
    lowest_count, highest_count = 0, LAST_COUNT


@contextmanager
def running(*arguments):
    """`edgeemg run` in a process of its own, and what it says on stderr, line by line."""
    command = [sys.executable, "-m", "edgeemg", "run", *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    lines = []
    reader = threading.Thread(target=lambda: lines.extend(iter(process.stderr.readline, "")))
    reader.start()
    try:
        yield process, lines
    finally:
        process.terminate()
        process.communicate()
        reader.join()


def line_of(lines, process, begin):
    """The line on stderr that begins so, once it is there."""
    deadline_s = time.monotonic() + 60
    while time.monotonic() < deadline_s and process.poll() is None:
        for line in list(lines):
            if line.startswith(begin):
                return line
        time.sleep(0.05)
    raise AssertionError(f"no {begin!r}: {lines}")


def address_in(lines, process):
    """Where the monitor says that it is."""
    return line_of(lines, process, "monitor on http://").split()[2].rstrip(",")


def heard(viewer, wanted):
    """The first message that `wanted` says yes to."""
    deadline_s = time.monotonic() + 60
    while time.monotonic() < deadline_s:
        message = json.loads(viewer.recv(30))
        if wanted(message):
            return message
        viewer.send(".")
    raise AssertionError("it never came")


def test_a_running_sensor_is_shown(tiny_bundle, tiny_recording, simulated, tmp_path):
    pytest.importorskip("onnxruntime")
    arguments = (tiny_bundle, "--device", "cyton", "--monitor", "127.0.0.1:0", "--port")
    with (
        simulated(tiny_recording, tmp_path / "cyton", "--device", "cyton", "--loop") as port,
        running(*arguments, port) as (process, lines),
    ):
        url = address_in(lines, process)
        with urlopen(url, timeout=30) as page:
            assert b"edgeemg monitor" in page.read()
        with connect(url.replace("http", "ws", 1) + "live") as viewer:
            hello = json.loads(viewer.recv(30))
            assert hello["channels"] == ["EMG1", "EMG2", "EMG3", "EMG4"]
            seen = {}
            deadline_s = time.monotonic() + 60
            while not {"contact", "facts", "said"} <= seen.keys():
                assert time.monotonic() < deadline_s, seen.keys()
                message = json.loads(viewer.recv(30))
                viewer.send(".")
                if message.get("contact", [{}])[0].get("word") == "waiting":
                    del message["contact"]
                if not message.get("facts", {}).get("counters", {}).get("samples"):
                    message.pop("facts", None)  # of a page that was there before the first sample
                seen |= message
    assert {one["word"] for one in seen["contact"]} == {"good"}
    assert seen["facts"]["state"] == "connected"
    assert seen["facts"]["counters"]["samples"] > 0
    assert "board" in seen["facts"]
    assert process.returncode == 0


def test_the_page_stays_where_it_is_when_the_bundle_is_loaded_again(
    tiny_bundle, tiny_recording, simulated, tmp_path
):
    """Its token may be gone by then: who looks on sees the other model, on the same connection."""
    bundle = shutil.copytree(tiny_bundle, tmp_path / "bundle")
    token = tmp_path / "token"
    token.write_text("a-token-of-some-length")
    token.chmod(0o600)
    asked = ("--monitor", "127.0.0.1:0", "--monitor-token-file", token)
    with (
        simulated(tiny_recording, tmp_path / "emg", "--loop") as port,
        running(bundle, *asked, "--port", port) as (process, lines),
    ):
        url = address_in(lines, process).replace("http", "ws", 1)
        with connect(f"{url}live?token=a-token-of-some-length") as viewer:
            heard(viewer, lambda one: "said" in one)
            token.unlink()
            labels = ("ja", "nein", "vielleicht")
            other = replace(read_manifest(bundle), name="other", labels=labels, rest_label=None)
            write_manifest(other, bundle)
            process.send_signal(signal.SIGHUP)
            heard(viewer, lambda one: one["kind"] == "hello" and one["labels"] == list(labels))
            said = heard(viewer, lambda one: "said" in one)["said"]
        assert process.poll() is None
    assert said["label"] in labels
    assert process.returncode == 0
    assert sum(line.startswith("monitor on") for line in lines) == 1


def test_a_page_that_cannot_be_had_yet_leaves_decisions_alone(
    tiny_bundle, tiny_recording, simulated, tmp_path
):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with (
            simulated(tiny_recording, tmp_path / "emg", "--loop") as port,
            running(tiny_bundle, "--monitor", address, "--every-hop", "--port", port) as (
                process,
                lines,
            ),
        ):
            line_of(lines, process, f"warning: the monitor cannot listen on {address}")
            process.stdout.readline()
            process.send_signal(signal.SIGHUP)
            for _ in range(20):
                assert json.loads(process.stdout.readline())["label"]
            taken.close()
            assert address_in(lines, process) == f"http://{address}/"
    assert process.returncode == 0
    assert sum("cannot listen" in line for line in lines) == 1


@pytest.mark.parametrize(
    ("address", "said"),
    [("0.0.0.0:0", "EDGEEMG_TOKEN"), ("a..b:1", "HOST:PORT"), ("127.0.0.1:x", "HOST:PORT")],
)
def test_a_page_that_cannot_be_is_told_before_a_sensor_is_waited_for(
    edgeemg, monkeypatch, tiny_bundle, tmp_path, address, said
):
    monkeypatch.delenv("EDGEEMG_TOKEN", raising=False)
    done = edgeemg("run", tiny_bundle, "--port", tmp_path / "none", "--wait", "--monitor", address)
    assert done.returncode == 2
    assert said in done.stderr
    assert "opening" not in done.stderr


def test_a_missing_library_is_told_before_a_sensor_is_waited_for(
    edgeemg, monkeypatch, tiny_bundle, tmp_path
):
    (tmp_path / "websockets.py").write_text("raise ImportError('broken')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    done = edgeemg("run", tiny_bundle, "--port", tmp_path / "none", "--wait", "--monitor")
    assert done.returncode == 2
    assert "edgeemg[ws]" in done.stderr
    assert "opening" not in done.stderr


def test_beyond_loopback_it_wants_a_token(plain_manifest, monkeypatch):
    monkeypatch.delenv("EDGEEMG_TOKEN", raising=False)
    with (
        pytest.raises(SinkError, match="EDGEEMG_TOKEN"),
        open_monitor("0.0.0.0:0", token_file=None, manifest=plain_manifest, facts=dict),
    ):
        pass


def test_the_ends_of_the_range_are_the_sensors_own(plain_manifest):
    """Railed is told from off by where the converter ends."""
    highest_uv = (LAST_COUNT - 512) * 0.1
    values = np.full((250, 2), highest_uv, dtype=np.float32)
    values[:, 1] = 3.0
    doubted = Samples(values, 250.0, np.arange(250), np.zeros((250, 2), dtype=bool))
    with (
        open_monitor(
            "127.0.0.1:0",
            token_file=None,
            manifest=plain_manifest,
            facts=dict,
            stream=Converter(),
        ) as monitor,
        connect(monitor.url.replace("http", "ws", 1) + "live") as viewer,
    ):
        words = []
        deadline_s = time.monotonic() + 60
        while words in ([], ["waiting"] * 2) and time.monotonic() < deadline_s:
            monitor.see(doubted)
            message = json.loads(viewer.recv(30))
            viewer.send(".")
            words = [one["word"] for one in message.get("contact", [])] or words
    assert words == ["railed", "off"]


def test_where_it_is_and_that_it_asks_is_told(plain_manifest, tmp_path, capsys):
    token = tmp_path / "token"
    token.write_text("secret")
    token.chmod(0o644)
    with open_monitor("127.0.0.1:0", token_file=token, manifest=plain_manifest, facts=dict) as one:
        url = one.url
    told = capsys.readouterr().err.splitlines()
    assert told[0].startswith("warning: others on this machine may read the token")
    assert told[1].startswith("warning: the token in")
    assert told[2] == f"monitor on {url}, which asks for the token"
    assert "secret" not in "".join(told)
