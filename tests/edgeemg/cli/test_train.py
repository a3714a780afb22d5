"""`edgeemg train` and `edgeemg export` as a user meets them."""

import json
import shutil
from dataclasses import replace

import pytest

from edgeemg.digests import sha256_of
from edgeemg.manifest import ModelFile, read_manifest, write_manifest


@pytest.fixture(scope="module")
def recordings(edgeemg, tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "rec"
    done = edgeemg("data", "synth", "--words", 2, "--repetitions", 12, "--out", folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def run_folder(edgeemg, recordings, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "cnn"
    done = edgeemg("train", recordings, "--epochs", 4, "--out", out, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == json.loads((out / "metrics.json").read_text())
    return out


def one_line(done, *words):
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("edgeemg: ")
    for word in words:
        assert word in last


def test_a_run_holds_the_promised_files(run_folder):
    names = {path.name for path in run_folder.iterdir()}
    assert {"model.pt", "manifest.json", "metrics.json", "config.toml"} <= names


def test_training_again_into_the_same_place_is_refused_and_harmless(
    edgeemg, recordings, run_folder
):
    before = (run_folder / "model.pt").read_bytes()
    one_line(edgeemg("train", recordings, "--out", run_folder), "not empty", "--force")
    assert (run_folder / "model.pt").read_bytes() == before


def test_force_never_replaces_the_input_or_what_is_not_ours(edgeemg, recordings, run_folder):
    before = sorted(recordings.rglob("*"))
    for out in (recordings, recordings.parent, recordings / "runs"):
        done = edgeemg("train", recordings, "--force", "--out", out)
        assert done.returncode == 2, out
        assert "lie in each other" in done.stderr
    assert (
        "lie in each other" in edgeemg("export", run_folder, "--force", "--out", run_folder).stderr
    )
    assert sorted(recordings.rglob("*")) == before
    theirs = recordings.parent / "thesis"
    theirs.mkdir()
    (theirs / "chapter.txt").write_text("years of work")
    done = edgeemg("train", recordings, "--force", "--out", theirs)
    one_line(done, "edgeemg did not make")
    assert (theirs / "chapter.txt").read_text() == "years of work"


def test_an_unknown_model_lists_the_known_ones_and_leaves_nothing(edgeemg, recordings, tmp_path):
    done = edgeemg("train", recordings, "--model", "resnet", "--out", tmp_path / "run")
    one_line(done, "resnet", "cnn", "transformer")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_says_how_to_get_recordings(edgeemg, tmp_path):
    (tmp_path / "empty").mkdir()
    one_line(edgeemg("train", tmp_path / "empty", "--out", tmp_path / "r"), "data import")


def test_a_folder_that_is_not_there_is_named(edgeemg, tmp_path):
    one_line(edgeemg("train", tmp_path / "nowhere", "--out", tmp_path / "r"), "nowhere")


def test_a_person_who_is_not_there_is_named(edgeemg, recordings, tmp_path):
    done = edgeemg("train", recordings, "--subject", "P9", "--out", tmp_path / "r")
    one_line(done, "P9")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--window-ms", 0),
        ("--window-ms", 20),
        ("--window-ms", "nan"),
        ("--window-ms", 1e12),
        ("--hop-ms", 0),
        ("--hop-ms", "inf"),
        ("--epochs", 0),
        ("--seed", -1),
    ],
)
def test_a_setting_out_of_range_is_refused(edgeemg, recordings, tmp_path, option, value):
    done = edgeemg("train", recordings, option, value, "--out", tmp_path / "r")
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr


def test_export_writes_a_bundle_and_a_table(edgeemg, run_folder, tmp_path):
    done = edgeemg(
        "export", run_folder, "--quantize", "--format", "onnx", "--min-agreement", 0.5,
        "--out", tmp_path / "b", "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "model.int8.onnx" in done.stderr
    assert json.loads(done.stdout) == json.loads((tmp_path / "b" / "parity.json").read_text())
    assert (run_folder / "export.log").is_file()


def test_a_failed_gate_exits_1_and_writes_no_bundle(edgeemg, run_folder, tmp_path):
    import numpy as np

    copy = shutil.copytree(run_folder, tmp_path / "run")
    with np.load(copy / "windows.npz") as arrays:
        content = dict(arrays)
    content["calibration"] *= 1e-3  # every range far too small: int8 saturates
    np.savez(copy / "windows.npz", **content)
    manifest = read_manifest(copy)
    path = copy / "windows.npz"
    files = manifest.files | {path.name: ModelFile(sha256_of(path), path.stat().st_size)}
    write_manifest(replace(manifest, files=files), copy)
    done = edgeemg("export", copy, "--quantize", "--format", "onnx", "--out", tmp_path / "b")
    assert done.returncode == 1, done.stderr
    assert "no bundle was written: model.int8.onnx agrees" in done.stderr
    assert "largest diff" in done.stderr  # the table, so that one sees by how much
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "b").exists()


def test_exporting_onto_the_working_folder_is_refused(edgeemg, run_folder):
    one_line(edgeemg("export", run_folder, "--out", "."))


def test_exporting_what_is_no_run_says_so(edgeemg, recordings, tmp_path):
    one_line(edgeemg("export", recordings, "--out", tmp_path / "b"), "neither a run")


def test_exporting_a_damaged_run_names_the_file(edgeemg, run_folder, tmp_path):
    copy = shutil.copytree(run_folder, tmp_path / "run")
    (copy / "model.pt").write_bytes(b"not weights")
    one_line(edgeemg("export", copy, "--out", tmp_path / "b"), "model.pt")
