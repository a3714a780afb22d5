"""`edgeemg compare` as a user meets it."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from edgeemg.cli.compare import compare
from edgeemg.errors import ModelError

Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]
GRID = ("--models", "simple-cnn,cnn", "--windows-ms", "400,600", "--folds", 2, "--epochs", 1)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generated: two words, five times each, on two channels."""
    from edgeemg.data.bids import write_recording
    from edgeemg.data.synth import make_recordings

    folder = tmp_path_factory.mktemp("data") / "rec"
    for recording in make_recordings(words=2, repetitions=5, channels=2, seed=0):
        write_recording(recording, folder)
    return folder


@pytest.fixture(scope="module")
def compared(edgeemg: Run, recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Done:
    folder = tmp_path_factory.mktemp("compared")
    out, report = folder / "out", folder / "page.html"
    done = edgeemg(
        "compare", recordings, *GRID, "--jobs", 2, "--out", out, "--report", report, "--json"
    )
    assert done.returncode == 0, done.stderr
    done.args = folder
    return done


def one_line(done: Done, *words: str) -> None:
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    for word in words:
        assert word in last


@pytest.mark.slow
def test_stdout_is_the_comparison_and_stderr_the_table(compared: Done) -> None:
    whole = json.loads(compared.stdout)
    assert {(row["model"], row["window_ms"]) for row in whole["rows"]} == {
        (model, window) for model in ("simple-cnn", "cnn") for window in (400, 600)
    }
    assert "to the best [95 %]" in compared.stderr
    assert "GENERATED EMG" in compared.stderr
    for row in whole["rows"]:
        assert f"{row['parameters']:,}" in compared.stderr


@pytest.mark.slow
def test_files_plots_and_page_are_written(compared: Done) -> None:
    folder = Path(str(compared.args))
    names = {path.name for path in (folder / "out").iterdir()}
    # one amount of data: no learning curve
    assert names == {"cells", "comparison.json", "macs.svg", "size.svg", "window.svg"}
    assert json.loads((folder / "out" / "comparison.json").read_text()) == json.loads(
        compared.stdout
    )
    assert "Read this before the numbers" in (folder / "page.html").read_text()


@pytest.mark.slow
def test_the_same_again_reads_the_cells(compared: Done, edgeemg: Run, recordings: Path) -> None:
    out = Path(str(compared.args)) / "out"
    done = edgeemg("compare", recordings, *GRID, "--out", out, "--json")
    assert done.returncode == 0, done.stderr
    assert "4 of 4 cells were made before" in done.stderr
    assert done.stdout == compared.stdout


@pytest.mark.slow
def test_a_cell_that_cannot_run_exits_1_and_the_rest_is_there(
    edgeemg: Run, recordings: Path, tmp_path: Path
) -> None:
    done = edgeemg(
        "compare", recordings, "--models", "simple-cnn", "--windows-ms", "20,400", "--folds", 2,
        "--epochs", 1, "--out", tmp_path / "out", "--json",
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    whole = json.loads(done.stdout)
    assert len(whole["rows"]) == len(whole["lacking"]) == 1
    assert "--hop-ms" in done.stderr
    assert "1 cells are lacking" in done.stderr


@pytest.mark.slow
def test_ctrl_c_keeps_what_is_done_and_says_how_to_go_on(recordings: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [
        sys.executable, "-m", "edgeemg", "compare", recordings, "--models", "simple-cnn", "--folds",
        2, "--epochs", 3, "--seeds", ",".join(map(str, range(200))), "--jobs", 1, "--out", out,
    ]  # fmt: skip
    running = subprocess.Popen(
        [str(one) for one in command],
        stderr=subprocess.PIPE,
        text=True,
        # a shell that ignores SIGINT hands that down
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    )
    _wait_for(lambda: len(list(out.glob("cells/*.json"))) >= 2)
    running.send_signal(signal.SIGINT)
    said = running.communicate(timeout=60)[1]
    assert running.returncode == 130, said
    assert "the same command goes on from there" in said
    assert "Traceback" not in said
    kept = list((out / "cells").iterdir())
    assert 2 <= len(kept) < 200
    assert all(path.suffix == ".json" for path in kept)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--models", "resnet"), ("resnet", "cnn")),
        (("--models", "cnn,,lda"), ("empty place",)),
        (("--fractions", "0"), ("0",)),
        (("--windows-ms", "nan"), ("nan",)),
        (("--jobs", 2, "--ray", "auto"), ("--jobs", "--ray")),
        (("--report", "/nowhere/page.html"), ("/nowhere",)),
        (("--ray", "127.0.0.1:1"), ("no Ray cluster answers at 127.0.0.1:1", "ray start")),
    ],
)
def test_bad_options_are_one_line(
    edgeemg: Run, recordings: Path, tmp_path: Path, options: tuple[Any, ...], words: tuple[str, ...]
) -> None:
    done = edgeemg("compare", recordings, "--models", "cnn", *options, "--out", tmp_path / "out")
    one_line(done, *words)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--front-ends", "broad,narrow"), "narrow"),
        (("--protocol", "lucky"), "lucky"),
        (("--models", "cnn,resnet"), "resnet"),
        (("--protocol", "subject", "--per-person"), "--per-person"),
    ],
)
def test_a_name_that_is_wrong_anywhere_in_the_grid_is_found_before_the_data_is_read(
    tmp_path: Path, options: tuple[str, ...], word: str
) -> None:
    arguments = [str(tmp_path / "nowhere"), "--models", "cnn", *options, "--out", str(tmp_path)]
    with pytest.raises(ModelError, match=word):
        CliRunner().invoke(compare, arguments, catch_exceptions=False)


def test_ray_that_is_not_installed_names_its_extra(recordings: Path, tmp_path: Path) -> None:
    code = "import sys; sys.modules['ray'] = None; from edgeemg.cli.main import main; main()"
    options = ("compare", recordings, "--models", "cnn", "--ray", "auto", "--out", tmp_path / "out")
    command = [sys.executable, "-c", code, *map(str, options)]
    one_line(subprocess.run(command, capture_output=True, text=True, timeout=60), "edgeemg[sweep]")


def test_a_folder_with_something_else_is_left_alone(
    edgeemg: Run, recordings: Path, tmp_path: Path
) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    done = edgeemg("compare", recordings, "--models", "cnn", "--out", tmp_path)
    one_line(done, "name another folder")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def _wait_for(condition: Callable[[], bool], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
