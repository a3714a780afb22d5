"""SIGHUP to `edgeemg run`: another bundle in the same folder, and no sample lost over it."""

import json
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace

import pytest

from edgeemg.manifest import read_manifest, write_manifest


@pytest.fixture
def bundle(tiny_bundle, tmp_path):
    return shutil.copytree(tiny_bundle, tmp_path / "bundle")


COUNTS = """
import gc, sys
from edgeemg.cli import live, loading
from edgeemg.runtime.engine_onnx import OnnxEngine

def told():
    held = [type(one).__name__ for one in gc.get_objects()
            if isinstance(one, (loading.Loaded, OnnxEngine))]
    print("held:", *sorted(held), file=sys.stderr)

live.give_back_memory = told
sys.argv[0] = "edgeemg"
from edgeemg.cli.main import main
main()
"""


@contextmanager
def started(bundle, port, *arguments, program=("-m", "edgeemg")):
    """`edgeemg run` on every hop, once it has begun to decide."""
    command = [sys.executable, *program, "run", bundle, "--port", port, "--every-hop"]
    running = subprocess.Popen(
        [str(one) for one in (*command, *arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield running
    finally:
        running.kill()
        running.communicate()


def heard_until(running, index):
    """The hops from the next line on, up to one that ends at this sample or later."""
    lines = []
    while not lines or lines[-1]["sample_index"] < index:
        line = running.stdout.readline()
        assert line, running.stderr.read()
        lines.append(json.loads(line))
    return lines


def ended(running):
    """Told to stop; the hops that were left, and the lines on stderr."""
    running.send_signal(signal.SIGTERM)
    stdout, stderr = running.communicate(timeout=30)
    assert running.returncode == 0, stderr
    return [json.loads(line) for line in stdout.splitlines()], stderr


def test_a_bundle_is_loaded_again_and_every_hop_is_decided(
    edgeemg, simulated, bundle, tiny_recording, tmp_path
):
    offline = edgeemg("run", bundle, "--recording", tiny_recording, "--every-hop")
    truth = [json.loads(line) for line in offline.stdout.splitlines()]
    with (
        simulated(tiny_recording, tmp_path / "emg") as port,
        started(bundle, port) as running,
    ):
        heard = heard_until(running, 500)
        for until in (1000, 1500):
            running.send_signal(signal.SIGHUP)
            heard += heard_until(running, until)
        rest, stderr = ended(running)
    heard += rest
    assert stderr.count("tiny: left, rest, right;") == 3, stderr  # once a bundle
    assert [one["sample_index"] for one in heard] == [
        one["sample_index"] for one in truth[: len(heard)]
    ]
    assert [one["label"] for one in heard] == [one["label"] for one in truth[: len(heard)]]
    sure = [one["confidence"] for one in truth[: len(heard)]]
    assert [one["confidence"] for one in heard] == pytest.approx(sure, abs=2e-3)


def test_another_model_takes_over(simulated, bundle, tiny_recording, tmp_path):
    labels = ("ja", "nein", "vielleicht")
    with (
        simulated(tiny_recording, tmp_path / "emg", "--loop") as port,
        started(bundle, port) as running,
    ):
        assert {one["label"] for one in heard_until(running, 300)} <= {"left", "rest", "right"}
        other = replace(read_manifest(bundle), name="other", labels=labels, rest_label=None)
        write_manifest(other, bundle)
        running.send_signal(signal.SIGHUP)
        heard = heard_until(running, 900)
        _, stderr = ended(running)
    assert {one["label"] for one in heard[-5:]} <= set(labels)
    assert "other: ja, nein, vielleicht" in stderr


def test_the_bundle_before_is_let_go_before_its_memory_is_given_back(
    simulated, bundle, tiny_recording, tmp_path
):
    monitored = ("--engine", "onnx", "--monitor", "127.0.0.1:0")
    with (
        simulated(tiny_recording, tmp_path / "emg", "--loop") as port,
        started(bundle, port, *monitored, program=("-c", COUNTS)) as running,
    ):
        for until in (300, 900, 1500):
            heard_until(running, until)
            running.send_signal(signal.SIGHUP)
        heard_until(running, 2100)
        _, stderr = ended(running)
    held = [line for line in stderr.splitlines() if line.startswith("held:")]
    assert held == ["held: Loaded OnnxEngine"] * 3


def test_settings_that_no_gate_takes_leave_the_bundle_before_running(
    simulated, bundle, tiny_recording, tmp_path
):
    with (
        simulated(tiny_recording, tmp_path / "emg", "--loop") as port,
        started(bundle, port) as running,
    ):
        heard_until(running, 300)
        manifest = read_manifest(bundle)
        odd = replace(manifest, decision=replace(manifest.decision, smoothing_hops=20_000))
        write_manifest(odd, bundle)
        running.send_signal(signal.SIGHUP)
        heard_until(running, 900)
        _, stderr = ended(running)
    assert "the one before runs on: smoothing_hops must lie in 1..10000" in stderr


@pytest.mark.parametrize("spoilt", ["manifest.json", "model.onnx"])
def test_a_bundle_that_cannot_run_leaves_the_one_before_running(
    spoilt, simulated, bundle, tiny_recording, tmp_path
):
    with (
        simulated(tiny_recording, tmp_path / "emg", "--loop") as port,
        started(bundle, port) as running,
    ):
        heard = heard_until(running, 300)
        (bundle / spoilt).write_bytes(b"{")
        running.send_signal(signal.SIGHUP)
        heard += heard_until(running, 900)
        rest, stderr = ended(running)
    index = [one["sample_index"] for one in heard + rest]
    assert index == list(range(index[0], index[-1] + 1, 25))
    assert stderr.count("the bundle is not loaded again, the one before runs on") == 1
    assert "Traceback" not in stderr


def test_a_sensor_that_is_not_there_yet_is_waited_for(simulated, bundle, tiny_recording, tmp_path):
    link = tmp_path / "emg"
    with started(bundle, link, "--wait") as running:
        assert any("waiting for the sensor" in line for line in running.stderr)
        with simulated(tiny_recording, link, "--loop"):
            assert heard_until(running, 100)
            ended(running)


def test_a_signal_ends_the_wait(bundle, tmp_path):
    with started(bundle, tmp_path / "emg", "--wait") as running:
        assert any("waiting for the sensor" in line for line in running.stderr)
        began = time.monotonic()
        assert ended(running)[0] == []
    assert time.monotonic() - began < 20
