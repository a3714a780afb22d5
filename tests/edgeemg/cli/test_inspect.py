import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from edgeemg.manifest import Choice, read_manifest, write_manifest


def inspect(*arguments: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "edgeemg", "inspect", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_bundle_is_told_in_plain_words(tiny_bundle: Path) -> None:
    done = inspect(tiny_bundle)
    assert (done.returncode, done.stdout) == (0, "")
    told = done.stderr
    assert "left, right; rest is rest" in told
    assert "4 channels at 250 Hz: EMG1, EMG2, EMG3, EMG4 (uV)" in told
    assert "400 ms (100 samples), a new one every 100 ms (25 samples)" in told
    assert "3 second-order sections; -3 dB: 0.8 to 49.2 Hz" in told
    assert "generated EMG, not recorded" in told
    assert "3 CONV_2D" in told
    assert "QLinearConv" in told
    assert re.search(r"^model\.tflite .* \d+ in \d+ +\d+$", told, re.MULTILINE), "XNNPACK's share"
    assert max(map(len, told.splitlines())) <= 100


def test_failed_gates_come_first_and_the_choice_is_told(tiny_bundle: Path, tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    shutil.copytree(tiny_bundle, folder)
    sentence = "model.int8.onnx agrees with PyTorch on 90.00% of windows (at least 98.00%)"
    choice = {"pi-4": Choice("model.tflite", "tflite", "float32", 1_234_567, 45_600_000)}
    manifest = replace(read_manifest(folder), failed_gates=(sentence,), choice=choice)
    write_manifest(manifest, folder)
    told = inspect(folder).stderr.splitlines()
    assert told[0].startswith("GATES FAILED")
    assert told[1].strip() == sentence
    assert (
        "chosen     for pi-4: model.tflite (1,234,567 instructions, 45.6 MB peak, emulated)" in told
    )


def test_json_is_all_that_stdout_holds(tiny_bundle: Path) -> None:
    found = json.loads(inspect(tiny_bundle, "--json").stdout)
    assert found["schema_version"] == 1
    assert found["name"] == "tiny"
    assert len(found["files"]) == 4


def test_without_engines_the_manifest_is_told_and_the_extras_are_named(
    tiny_bundle: Path,
) -> None:
    program = (
        "import sys; sys.modules['onnxruntime'] = sys.modules['ai_edge_litert'] = None; "
        "from edgeemg.cli.main import main; sys.argv[1:] = ['inspect', sys.argv[1]]; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tiny_bundle)], capture_output=True, text=True
    )
    assert done.returncode == 0
    assert "rest is rest" in done.stderr
    assert "pip install 'edgeemg[onnx]'" in done.stderr.replace("\n    ", " ")
    assert "pip install 'edgeemg[litert]'" in done.stderr.replace("\n    ", " ")


def test_one_flipped_byte_is_refused_in_one_line(tiny_bundle: Path, tmp_path: Path) -> None:
    folder = tmp_path / "flipped"
    shutil.copytree(tiny_bundle, folder)
    path = folder / "model.int8.onnx"
    content = bytearray(path.read_bytes())
    content[-1] ^= 0x80
    path.write_bytes(content)
    done = inspect(folder, "--json")
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert f"{path} does not match its sha256" in line


def test_a_folder_without_a_manifest_is_refused_in_one_line(tmp_path: Path) -> None:
    done = inspect(tmp_path)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "is neither a run" in line


def test_a_full_disk_behind_stdout_is_one_line(tiny_bundle: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "edgeemg", "inspect", str(tiny_bundle), "--json"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("edgeemg: No space left on device: free some")


def test_a_reader_that_leaves_early_is_no_traceback(tiny_bundle: Path) -> None:
    """As `edgeemg inspect bundle --json | head -0`: nobody reads, not even the first line."""
    reads, writes = os.pipe()
    os.close(reads)
    with os.fdopen(writes, "w") as nobody:
        done = subprocess.run(
            [sys.executable, "-m", "edgeemg", "inspect", str(tiny_bundle), "--json"],
            stdout=nobody,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
    assert done.returncode != 0
    assert "rest is rest" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_a_closed_stderr_costs_no_file_its_operators(tiny_bundle: Path) -> None:
    command = [sys.executable, "-m", "edgeemg", "inspect", str(tiny_bundle), "--json"]
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" 2>&-', "sh", *command],
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    assert all(one["operators"] for one in json.loads(done.stdout)["files"])
