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
        timeout=600,
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


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("report.json", "--runs", 5), "--runs goes with a BUNDLE, and report.json is a report"),
        (("report.json", "--engine", "onnx"), "--engine goes with a BUNDLE"),
        (("report.json", "--precision", "int8"), "--precision goes with a BUNDLE"),
        (("report.json", "--board", "pi-4"), "--board goes with a BUNDLE"),
        (
            ("--compare", "a.json", "b.json", "--runs", 5),
            "--runs goes with a BUNDLE, and --compare",
        ),
        (("--compare", "a.json", "b.json", "--board", "pi-4"), "--board goes with a BUNDLE"),
        (
            ("bundle", "--board", "pi-4", "--runs", 5),
            "--runs is of what is timed, and with --board",
        ),
    ],
)
def test_an_option_that_would_change_nothing_is_refused(
    options: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "report.json").write_text("{}")
    done = profile(*options)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in " ".join(done.stderr.split())


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


def test_a_report_is_shown_again_and_makes_a_page(tiny_bundle: Path, tmp_path: Path) -> None:
    first = profile(tiny_bundle, "--runs", 3, "--engine", "tflite", "--json")
    kept, page = tmp_path / "report.json", tmp_path / "report.html"
    kept.write_text(first.stdout)
    again = profile(kept, "--html", page, "--json")
    assert (again.returncode, json.loads(again.stdout)) == (0, json.loads(first.stdout))
    assert again.stderr.splitlines()[-1] == f"page: {page}"
    assert "one inference, ms" in again.stderr
    assert "<svg" in page.read_text()
    both = profile("--compare", kept, kept, "--json")
    assert {one["verdict"] for one in json.loads(both.stdout)["rows"]} == {"the same"}
    assert "the same" in both.stderr


@pytest.mark.parametrize("text", ["{", "[]", '{"kind": "measured", "schema_version": 99}'])
def test_a_file_that_is_no_report_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "report.json"
    path.write_text(text)
    done = profile(path)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"edgeemg: {path} is ")


def test_an_unknown_board_is_refused_with_the_choices(tiny_bundle: Path) -> None:
    done = profile(tiny_bundle, "--board", "pi-7")
    assert done.returncode == 2
    assert "choose of pi-zero-2w, pi-3b, pi-4, pi-5, or all" in done.stderr


@pytest.mark.parametrize("arguments", [[], ["--compare", "a", "b", "--board", "pi-4"]])
def test_options_that_do_not_go_together_are_refused(arguments: list[str]) -> None:
    done = profile(*arguments)
    assert done.returncode == 2
    assert "--compare" in done.stderr


def test_a_page_is_not_written_over_a_file_of_the_users(tiny_bundle: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.html"
    own.write_text("mine")
    done = profile(tiny_bundle, "--html", own)
    assert (done.returncode, own.read_text()) == (2, "mine")
    assert "--html" in done.stderr


@pytest.mark.slow
def test_a_board_is_counted_and_never_called_measured(
    emulator, tiny_bundle: Path, tmp_path: Path
) -> None:
    page = tmp_path / "pi-5.html"
    asked = ("--board", "pi-5", "--engine", "tflite", "--precision", "int8")
    done = profile(tiny_bundle, *asked, "--json", "--html", page)
    assert done.returncode == 0
    report = json.loads(done.stdout)
    assert report["kind"] == "emulated"
    (row,) = report["boards"]["pi-5"]["files"]
    assert row["kinds"]["int8_dot"] > 0
    assert "EMULATED, not measured on a board" in done.stderr
    assert "nothing was measured on a board" in page.read_text()


def test_help_shows_examples() -> None:
    done = profile("--help")
    assert done.returncode == 0
    assert "edgeemg profile bundles/cnn --engine tflite" in done.stdout
