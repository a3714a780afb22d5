"""`edgeemg evaluate` as a user meets it."""

import json

import pytest


@pytest.fixture(scope="module")
def recordings(edgeemg, tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "rec"
    done = edgeemg("data", "synth", "--words", 2, "--repetitions", 8, "--out", folder)
    assert done.returncode == 0, done.stderr
    return folder


QUICK = ("--model", "simple-cnn", "--epochs", 1, "--folds", 2)


def refused(done, *words):
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


def test_the_json_has_the_promised_shape_and_is_the_same_again(edgeemg, recordings, tmp_path):
    page = tmp_path / "page.html"
    done = edgeemg("evaluate", recordings, *QUICK, "--json", "--report", page)
    assert done.returncode == 0, done.stderr
    metrics = json.loads(done.stdout)
    for name in ("data", "protocol", "model", "n_trials", "confusion", "warnings"):
        assert name in metrics
    for measure in ("accuracy", "balanced_accuracy", "macro_f1", "expected_calibration_error"):
        assert set(metrics[measure]) == {"mean", "std", "folds"}
        assert all(0 <= one <= 1 for one in metrics[measure]["folds"])
    again = edgeemg("evaluate", recordings, *QUICK, "--json")
    assert again.stdout == done.stdout
    assert f"{metrics['accuracy']['mean']:.3f}" in page.read_text(encoding="utf-8")


def test_the_figure_comes_with_its_protocol_and_its_warnings(edgeemg, recordings):
    done = edgeemg("evaluate", recordings, *QUICK)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert "fold 2 of 2" in done.stderr
    assert "blocked, 2 folds" in done.stderr
    assert "GENERATED EMG" in done.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--protocol", "subject"), ("at least 2", "--protocol blocked")),
        (("--protocol", "random"), ("unknown protocol", "blocked")),
        (("--model", "resnet"), ("unknown model", "cnn")),
        (("--front-end", "wide"), ("unknown front end", "broad")),
        (("--folds", 1), ("--folds",)),
        (("--folds", 60), ("60 folds need at least 60 trials",)),
        (("--fraction", 0), ("--fraction",)),
        (("--precision", "int8"), ("--precision goes with a BUNDLE",)),
        (("--subject", "P9"), ("P9",)),
    ],
)
def test_what_cannot_be_is_refused_in_words(edgeemg, recordings, options, words):
    refused(edgeemg("evaluate", recordings, *options), *words)


def test_options_of_training_do_not_go_with_a_bundle(edgeemg, recordings, tiny_bundle):
    refused(edgeemg("evaluate", tiny_bundle, recordings, "--epochs", 3), "--epochs goes without")


def test_no_folder_and_three_folders_say_what_is_wanted(edgeemg, recordings):
    refused(edgeemg("evaluate"), "give DIR, or BUNDLE and DIR")
    refused(edgeemg("evaluate", recordings, recordings, recordings), "give DIR, or BUNDLE and DIR")


def test_an_empty_folder_says_how_to_get_recordings(edgeemg, tmp_path):
    refused(edgeemg("evaluate", tmp_path), "data import")


def test_a_report_never_replaces_what_is_no_page_of_ours(edgeemg, recordings, tmp_path):
    (bdf,) = recordings.rglob("*.bdf")
    before = bdf.read_bytes()
    done = edgeemg("evaluate", recordings, *QUICK, "--report", bdf)
    refused(done, "no page of ours", bdf.name)
    assert bdf.read_bytes() == before
    page = tmp_path / "page.html"
    for _ in "12":
        done = edgeemg("evaluate", recordings, "--model", "lda", "--folds", 2, "--report", page)
        assert done.returncode == 0, done.stderr


def test_a_report_that_cannot_be_written_loses_no_figures(edgeemg, recordings, tmp_path):
    missing = tmp_path / "nowhere" / "page.html"
    refused(edgeemg("evaluate", recordings, *QUICK, "--report", missing), "no folder")


def test_the_networks_of_the_folds_are_kept_as_runs(edgeemg, recordings, tmp_path):
    from edgeemg.train.runs import read_run

    kept = tmp_path / "folds"
    done = edgeemg("evaluate", recordings, *QUICK, "--keep", kept, "--json")
    assert done.returncode == 0, done.stderr
    metrics = json.loads(done.stdout)
    runs = [read_run(kept / f"fold-{number}") for number in (1, 2)]
    for run, accuracy in zip(runs, metrics["accuracy"]["folds"], strict=True):
        assert run.manifest.training.metrics["accuracy"] == accuracy
    assert sum(run.held_out.n_trials for run in runs) == metrics["n_trials"]
    refused(edgeemg("evaluate", recordings, *QUICK, "--keep", kept), str(kept), "not empty")
