"""`edgeemg run`: live equals offline, losses are counted, and bad input is one clear line."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import tty
from dataclasses import replace

import pytest

from edgeemg.manifest import Choice, parse_manifest, read_manifest, write_manifest


def decisions(text):
    return [json.loads(line) for line in text.splitlines()]


def said(lines):
    """What was decided, at which sample: all but the time it took and the engine's name."""
    return [(one["label"], one["confidence"], one["sample_index"]) for one in lines]


def counters(stderr):
    last = [line for line in stderr.splitlines() if "samples " in line][-1]
    return {name: float(n) for name, n in (pair.rsplit(" ", 1) for pair in last.split("; "))}


@pytest.mark.parametrize("engine", ["onnx", "tflite"])
@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_live_equals_offline(
    engine, precision, edgeemg, simulated, tiny_bundle, tiny_recording, tmp_path
):
    options = ("--engine", engine, "--precision", precision, "--every-hop")
    offline = edgeemg("run", tiny_bundle, "--recording", tiny_recording, *options)
    assert offline.returncode == 0, offline.stderr
    with simulated(tiny_recording, tmp_path / "emg", "--speed", 4) as port:
        live = edgeemg("run", tiny_bundle, "--port", port, "--seconds", 4, *options)
    assert live.returncode == 0, live.stderr
    heard = decisions(live.stdout)
    assert len(heard) > 100
    assert said(heard) == said(decisions(offline.stdout))[: len(heard)]
    counted = counters(live.stderr)
    assert counted["wire_lost"] == counted["missing_samples"] == counted["wire_rejected_bytes"] == 0
    assert all(one["latency_ms"] >= 0 for one in heard)


@pytest.fixture
def chosen_bundle(tiny_bundle, tmp_path):
    """The tiny bundle as an export with --board pi-4 leaves it, whatever it then chooses."""
    folder = tmp_path / "chosen"
    shutil.copytree(tiny_bundle, folder)
    choice = {"pi-4": Choice("model.int8.tflite", "tflite", "int8", 10**6, 10**7)}
    write_manifest(replace(read_manifest(folder), choice=choice), folder)
    return folder


def test_what_export_chose_runs_by_default_and_the_start_says_why(
    edgeemg, chosen_bundle, tiny_recording
):
    done = edgeemg("run", chosen_bundle, "--recording", tiny_recording, "--every-hop")
    assert done.returncode == 0, done.stderr
    (start,) = [line for line in done.stderr.splitlines() if line.startswith("tiny: ")]
    assert "ai-edge-litert" in start
    assert "int8, chosen for pi-4; the recording" in start
    assert all("ai-edge-litert" in one["engine"] for one in decisions(done.stdout))


def test_what_was_asked_for_runs_in_spite_of_the_choice(edgeemg, chosen_bundle, tiny_recording):
    done = edgeemg("run", chosen_bundle, "--recording", tiny_recording, "--engine", "onnx")
    assert done.returncode == 0, done.stderr
    (start,) = [line for line in done.stderr.splitlines() if line.startswith("tiny: ")]
    assert "onnxruntime" in start
    assert "float32, as asked for; the recording" in start


def test_at_real_speed_nothing_is_lost_either(
    edgeemg, simulated, tiny_bundle, tiny_recording, tmp_path
):
    """Above real speed the simulator waits for its reader; here it does not, as no sensor does."""
    offline = edgeemg("run", tiny_bundle, "--recording", tiny_recording, "--every-hop")
    with simulated(tiny_recording, tmp_path / "emg") as port:
        live = edgeemg("run", tiny_bundle, "--port", port, "--seconds", 8, "--every-hop")
    assert live.returncode == 0, live.stderr
    heard = decisions(live.stdout)
    assert len(heard) > 60
    assert said(heard) == said(decisions(offline.stdout))[: len(heard)]
    assert counters(live.stderr)["wire_lost"] == 0


def test_a_decision_has_the_promised_fields(edgeemg, tiny_bundle, tiny_recording):
    done = edgeemg("run", tiny_bundle, "--recording", tiny_recording, "--every-hop")
    first = decisions(done.stdout)[0]
    assert list(first) == [
        "label",
        "confidence",
        "sample_index",
        "t_s",
        "latency_ms",
        "engine",
    ]
    assert first["latency_ms"] is None  # nothing arrived: it is a recording
    assert first["t_s"] == first["sample_index"] / 250


def test_lost_packets_are_counted_and_decisions_go_on(
    edgeemg, simulated, tiny_bundle, tiny_recording, tmp_path
):
    drop = ("--speed", 4, "--drop", 0.01, "--seed", 1)
    with simulated(tiny_recording, tmp_path / "emg", *drop) as port:
        done = edgeemg("run", tiny_bundle, "--port", port, "--seconds", 4, "--every-hop")
    assert done.returncode == 0, done.stderr
    counted = counters(done.stderr)
    assert counted["wire_received"] == counted["samples"] + counted["waiting_samples"]
    assert 0 <= counted["wire_lost"] - counted["missing_samples"] <= counted["waiting_samples"]
    assert counted["missing_samples"] > 10
    assert counted["breaks"] > 10
    indices = [one["sample_index"] for one in decisions(done.stdout)]
    assert len(indices) > 5
    assert all((index + 1) % 25 == 0 for index in indices)


def test_decisions_go_to_a_file_when_asked(edgeemg, tiny_bundle, tiny_recording, tmp_path):
    file = tmp_path / "decisions.jsonl"
    arguments = ("--recording", tiny_recording, "--every-hop", "--sink", f"jsonl:{file}")
    done = edgeemg("run", tiny_bundle, *arguments)
    assert done.stdout == ""
    assert len(decisions(file.read_text())) > 100


def test_half_a_line_from_a_full_disk_spoils_no_other(
    edgeemg, tiny_bundle, tiny_recording, tmp_path
):
    file = tmp_path / "decisions.jsonl"
    file.write_text('{"label": "le')
    arguments = ("--recording", tiny_recording, "--every-hop", "--sink", f"jsonl:{file}")
    assert edgeemg("run", tiny_bundle, *arguments).returncode == 0
    half, *whole = file.read_text().splitlines()
    assert half == '{"label": "le'
    assert len(decisions("\n".join(whole))) > 100


def test_seconds_of_a_recording_are_its_own(edgeemg, tiny_bundle, tiny_recording):
    asked = ("run", tiny_bundle, "--recording", tiny_recording, "--every-hop")
    whole, first = edgeemg(*asked), edgeemg(*asked, "--seconds", 4)
    assert first.returncode == 0, first.stderr
    assert counters(first.stderr)["samples"] == 1000
    some = decisions(first.stdout)
    assert some == decisions(whole.stdout)[: len(some)]
    assert some[-1]["sample_index"] == 999


@pytest.mark.parametrize("sink", ["udp", "exec"])
def test_a_recording_of_which_a_sink_lost_decisions_does_not_end_well(
    sink, edgeemg, tiny_bundle, tiny_recording
):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = taken.getsockname()[1]
    name = {"udp": f"udp://127.0.0.1:{nobody}", "exec": "exec:false"}[sink]
    loose = ("--threshold", 0, "--agreement-hops", 1, "--seconds", 5)
    asked = ("run", tiny_bundle, "--recording", tiny_recording, *loose)
    done = edgeemg(*asked, "--sink", "jsonl", "--sink", name)
    assert done.returncode == 1, done.stderr
    n = counters(done.stderr.rpartition("edgeemg: ")[0])[f"sink_{sink}_failed"]
    assert n > 0
    said = done.stderr.splitlines()[-1]
    assert f"not every decision of the recording was delivered: sink_{sink}_failed {n:g};" in said
    assert decisions(done.stdout) == decisions(edgeemg(*asked).stdout)


def test_a_recording_that_no_websocket_client_heard_ends_well(edgeemg, tiny_bundle, tiny_recording):
    asked = ("run", tiny_bundle, "--recording", tiny_recording, "--every-hop")
    done = edgeemg(*asked, "--seconds", 1e308, "--sink", "jsonl", "--sink", "ws://127.0.0.1:0")
    assert done.returncode == 0, done.stderr
    assert counters(done.stderr)["sink_ws_unheard"] == len(decisions(done.stdout)) > 100


def test_a_file_behind_a_circle_of_links_is_refused(edgeemg, tiny_bundle, tiny_recording, tmp_path):
    circle = tmp_path / "circle"
    circle.symlink_to(circle)
    asked = ("run", tiny_bundle, "--recording", tiny_recording, "--sink", f"jsonl:{circle}")
    one_clear_line(edgeemg(*asked), "cannot write decisions to", str(circle))


def test_flags_override_the_bundles_decision_settings(edgeemg, tiny_bundle, tiny_recording):
    strict, loose = (
        edgeemg(
            "run",
            tiny_bundle,
            "--recording",
            tiny_recording,
            "--threshold",
            level,
            "--agreement-hops",
            1,
            "--refractory-ms",
            0,
        )
        for level in (1.0, 0.0)
    )
    assert len(decisions(strict.stdout)) < len(decisions(loose.stdout))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_sensor_and_prints_the_counters(
    number, simulated, tiny_bundle, tiny_recording, tmp_path
):
    with simulated(tiny_recording, tmp_path / "emg", "--loop") as port:
        command = [sys.executable, "-m", "edgeemg", "run", str(tiny_bundle), "--port", port]
        running = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        start = next(line for line in running.stderr if "inputs 1,2,3,4" in line)
        assert f"OpenBCI Cyton on {port} at 115200 baud, inputs" in start
        time.sleep(1)
        started = time.monotonic()
        running.send_signal(number)
        _, stderr = running.communicate(timeout=10)
    assert time.monotonic() - started < 2
    assert running.returncode == 0
    assert counters(stderr)["samples"] > 0


@pytest.fixture
def silent_port():
    master, slave = os.openpty()
    tty.setraw(slave)
    yield os.ttyname(slave)
    os.close(master)
    os.close(slave)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_an_opening_too(number, tiny_bundle, silent_port):
    command = [sys.executable, "-m", "edgeemg", "run", str(tiny_bundle), "--port", silent_port]
    running = subprocess.Popen(
        [*command, "--device", "text"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert any(line.startswith("opening ") for line in running.stderr)
    running.send_signal(number)
    stdout, stderr = running.communicate(timeout=30)
    assert (running.returncode, stdout) == (0, ""), stderr
    assert counters(stderr)["samples"] == 0
    assert "silent" not in stderr


def test_a_sensor_that_is_away_at_the_end_is_told(
    edgeemg, simulated, tiny_bundle, tiny_recording, tmp_path
):
    away = ("--loop", "--unplug-after", 1, "--replug-after", 600)
    with simulated(tiny_recording, tmp_path / "emg", *away) as port:
        done = edgeemg("run", tiny_bundle, "--port", port, "--seconds", 3)
    assert done.returncode == 0, done.stderr
    assert "the sensor was lost at the end, for" in done.stderr.splitlines()[-1]


def test_decisions_go_on_where_nobody_reads_what_it_says(
    simulated, tiny_bundle, tiny_recording, tmp_path
):
    """As a log on a disk that is full: the outage cannot be told, and ends nothing."""
    away = ("--loop", "--unplug-after", 2, "--replug-after", 0.5)
    with simulated(tiny_recording, tmp_path / "emg", *away) as port:
        command = [sys.executable, "-m", "edgeemg", "run", str(tiny_bundle), "--port", port]
        running = subprocess.Popen(
            [*command, "--every-hop"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert any("inputs 1,2,3,4" in line for line in running.stderr)
        running.stderr.close()
        index = [json.loads(running.stdout.readline())["sample_index"]]
        while len(index) < 2 or index[-1] - index[-2] <= 25:  # until it is back behind the outage
            index.append(json.loads(running.stdout.readline())["sample_index"])
        running.send_signal(signal.SIGTERM)
        running.stdout.read()
        assert running.wait(timeout=30) == 0


def test_a_hangup_over_a_recording_leaves_no_half_of_it_behind(tiny_bundle, tiny_recording):
    """There is nothing to load again: it ends as SIGTERM ends it, and nohup keeps it going."""
    command = [sys.executable, "-m", "edgeemg", "run", str(tiny_bundle), "--every-hop"]
    running = subprocess.Popen(
        ["nohup", *command, "--recording", str(tiny_recording)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    first = running.stdout.readline()
    running.send_signal(signal.SIGHUP)
    lines = [first, *running.stdout]
    assert running.wait(timeout=60) == 0
    assert json.loads(lines[-1])["sample_index"] == 4999


def one_clear_line(done, *words):
    """Exit code 2, one line of ours on stderr, no traceback, nothing on stdout."""
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    ours = [line for line in done.stderr.splitlines() if line.startswith("edgeemg: ")]
    assert len(ours) == 1, done.stderr
    for word in words:
        assert word in ours[0]
    assert done.stdout == ""


@pytest.fixture
def damaged(tiny_bundle, tmp_path):
    return shutil.copytree(tiny_bundle, tmp_path / "bundle")


@pytest.mark.parametrize(
    "name", ["model.onnx", "model.int8.tflite", "golden.npz", "parity.json", "manifest.json"]
)
def test_one_flipped_byte_is_refused(name, edgeemg, damaged, tiny_recording):
    content = bytearray((damaged / name).read_bytes())
    content[len(content) // 2] ^= 1
    (damaged / name).write_bytes(content)
    done = edgeemg("run", damaged, "--recording", tiny_recording)
    one_clear_line(done, name, "again")


def test_a_missing_file_is_refused(edgeemg, damaged, tiny_recording):
    (damaged / "model.tflite").unlink()
    done = edgeemg("run", damaged, "--recording", tiny_recording)
    one_clear_line(done, "model.tflite", "missing", "copy the whole bundle")


def test_a_manifest_of_a_future_version_is_refused(edgeemg, damaged, tiny_recording):
    path = damaged / "manifest.json"
    plain = json.loads(path.read_text())
    path.write_text(json.dumps(plain | {"schema_version": 99}))
    done = edgeemg("run", damaged, "--recording", tiny_recording)
    one_clear_line(done, "schema version 99", "upgrade edgeemg")


def test_a_run_in_place_of_a_bundle_says_to_export_it(edgeemg, damaged, tiny_recording):
    path = damaged / "manifest.json"
    manifest = parse_manifest(path.read_bytes(), source="m")
    path.write_text(replace(manifest, files={}).dumps())
    one_clear_line(edgeemg("run", damaged, "--recording", tiny_recording), "edgeemg export")


def test_a_port_that_does_not_exist(edgeemg, tiny_bundle):
    one_clear_line(edgeemg("run", tiny_bundle, "--port", "/dev/ttyUSB99"), "/dev/ttyUSB99")


def test_a_port_that_another_process_holds(
    edgeemg, simulated, tiny_bundle, tiny_recording, tmp_path
):
    with simulated(tiny_recording, tmp_path / "emg", "--loop") as port:
        command = [sys.executable, "-m", "edgeemg", "run", str(tiny_bundle), "--port", port]
        holder = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            assert any(b"inputs" in line for line in holder.stderr)
            one_clear_line(edgeemg("run", tiny_bundle, "--port", port), port, "another")
        finally:
            holder.terminate()
            holder.communicate()


def test_a_port_that_is_silent(edgeemg, tiny_bundle):
    master, slave = os.openpty()
    tty.setraw(slave)
    try:
        one_clear_line(edgeemg("run", tiny_bundle, "--port", os.ttyname(slave)), "silent")
    finally:
        os.close(master)
        os.close(slave)


def test_a_port_that_talks_nonsense(edgeemg, tiny_bundle):
    master, slave = os.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)
    over = threading.Event()

    def talk():
        while not over.wait(0.01):
            with contextlib.suppress(BlockingIOError):
                os.write(master, b"\x00\xffhello nonsense ")

    talker = threading.Thread(target=talk)
    talker.start()
    try:
        done = edgeemg("run", tiny_bundle, "--port", os.ttyname(slave))
        one_clear_line(done, "nonsense", os.ttyname(slave))
    finally:
        over.set()
        talker.join()
        os.close(master)
        os.close(slave)


def test_an_unknown_device_lists_the_known_ones(edgeemg, tiny_bundle):
    done = edgeemg("run", tiny_bundle, "--port", "/dev/null", "--device", "myo")
    one_clear_line(done, "myo", "cyton")


def test_an_unknown_engine_lists_the_known_ones(edgeemg, tiny_bundle, tiny_recording):
    done = edgeemg("run", tiny_bundle, "--recording", tiny_recording, "--engine", "trt")
    one_clear_line(done, "trt", "onnx", "tflite")


def test_a_recording_without_the_models_channels_names_them(edgeemg, tiny_bundle, tmp_path):
    from edgeemg.data.bids import write_recording
    from edgeemg.data.synth import make_recordings

    (other,) = make_recordings(words=2, repetitions=2, channels=2)
    path = write_recording(other, tmp_path)
    done = edgeemg("run", tiny_bundle, "--recording", path)
    assert done.returncode == 2
    assert "EMG1" in done.stderr


def test_neither_port_nor_recording_is_a_usage_error(edgeemg, tiny_bundle):
    done = edgeemg("run", tiny_bundle)
    assert done.returncode == 2
    assert "--port" in done.stderr
