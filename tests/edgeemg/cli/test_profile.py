import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def profile(*arguments: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "edgeemg", "profile", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_a_bundle_is_profiled_and_the_report_is_all_that_stdout_holds(tiny_bundle: Path) -> None:
    done = profile(tiny_bundle, "--runs", 9, "--json")
    assert done.returncode == 0
    report = json.loads(done.stdout)
    assert [one["status"] for one in report["files"]] == ["measured"] * 4
    assert {one["runs"] for one in report["files"]} == {9}
    assert "one inference, ms" in done.stderr
    assert "round 3 of 3" in done.stderr
    assert "\x1b" not in done.stderr  # nobody watches a terminal here


def test_without_json_stdout_stays_empty(tiny_bundle: Path) -> None:
    done = profile(tiny_bundle, "--runs", 3, "--engine", "tflite", "--precision", "int8")
    assert (done.returncode, done.stdout) == (0, "")
    assert "model.int8.tflite" in done.stderr
    assert "model.onnx" not in done.stderr


def test_wrong_answers_are_a_failed_gate_after_the_report(wrong_bundle: Path) -> None:
    done = profile(wrong_bundle, "--runs", 3, "--engine", "tflite", "--json")
    assert done.returncode == 1
    assert [one["correct"] for one in json.loads(done.stdout)["files"]] == [False, False]
    assert "answers the golden inputs wrongly" in done.stderr.splitlines()[-1]


def damaged(folder: Path) -> None:
    path = folder / "model.tflite"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def missing(folder: Path) -> None:
    (folder / "golden.npz").unlink()


@pytest.mark.parametrize(
    ("harm", "said"), [(damaged, "it was damaged"), (missing, "golden.npz is missing")]
)
def test_a_damaged_bundle_is_refused_in_one_line(
    tiny_bundle: Path, tmp_path: Path, harm, said: str
) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(tiny_bundle, folder)
    harm(folder)
    done = profile(folder)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"edgeemg: {folder}")
    assert said in line


def test_a_folder_that_is_not_there_is_refused_in_one_line(tmp_path: Path) -> None:
    done = profile(tmp_path / "none")
    assert done.returncode == 2
    assert done.stderr == f"edgeemg: {tmp_path / 'none'}: no such folder; give a run or a bundle\n"


def test_too_few_runs_are_refused(tiny_bundle: Path) -> None:
    done = profile(tiny_bundle, "--runs", 2)
    assert done.returncode == 2
    assert "--runs" in done.stderr


def test_help_shows_examples() -> None:
    done = profile("--help")
    assert done.returncode == 0
    assert "edgeemg profile bundles/cnn --engine tflite" in done.stdout
