"""A run on disk: whole, readable by others, and never a way to run somebody's code."""

import json
import pickle
import shutil
import tomllib
from dataclasses import replace

import numpy as np
import pytest
import torch

from edgeemg.digests import sha256_of
from edgeemg.errors import ManifestError, ModelError
from edgeemg.manifest import ModelFile, read_manifest, write_manifest
from edgeemg.train.fit import predict
from edgeemg.train.models import MODELS, REVISIONS, revision
from edgeemg.train.runs import read_run


@pytest.fixture
def copy(run_folder, tmp_path):
    return shutil.copytree(run_folder, tmp_path / "run")


def test_a_run_comes_back_with_the_same_answers(trained, run_folder):
    run = read_run(run_folder)
    test = trained.dataset.test
    np.testing.assert_array_equal(run.held_out.inputs, test.inputs)
    np.testing.assert_array_equal(
        predict(run.model, test.inputs), predict(trained.model, test.inputs)
    )
    assert run.manifest.portable() == trained.manifest.portable()


def test_what_int8_is_calibrated_on_is_from_the_training_part(trained, run_folder):
    known = {window.tobytes() for window in trained.dataset.train.inputs}
    calibration = read_run(run_folder).calibration
    assert len(calibration) > 50
    assert all(window.tobytes() in known for window in calibration)


def test_settings_and_metrics_are_plain_text(trained, run_folder):
    config = tomllib.loads((run_folder / "config.toml").read_text())
    assert config["model"] == "cnn"
    assert config["fit"]["epochs"] == trained.settings.fit.epochs
    metrics = json.loads((run_folder / "metrics.json").read_text())
    assert metrics["accuracy"] == trained.metrics["accuracy"]


def reseal(folder):
    """As somebody who means harm would: the manifest fits what was put in."""
    manifest = read_manifest(folder)
    files = {
        name: ModelFile(sha256_of(folder / name), (folder / name).stat().st_size)
        for name in manifest.files
    }
    write_manifest(replace(manifest, files=files), folder)


@pytest.mark.parametrize("name", ["model.pt", "windows.npz"])
def test_one_flipped_bit_is_refused(copy, name):
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(ManifestError, match=f"{name} does not match its sha256"):
        read_run(copy)


class Malicious:
    def __reduce__(self):
        return print, ("this must never be printed",)


def test_a_pickle_in_place_of_weights_is_refused_and_not_run(copy, capsys):
    (copy / "model.pt").write_bytes(pickle.dumps(Malicious()))
    reseal(copy)
    with pytest.raises(ModelError, match=r"model.pt does not hold the weights"):
        read_run(copy)
    assert "never" not in capsys.readouterr().out


def test_weights_of_another_network_are_refused(copy):
    torch.save({"head.weight": torch.zeros(2, 2)}, copy / "model.pt")
    reseal(copy)
    with pytest.raises(ModelError, match="does not hold the weights of this run"):
        read_run(copy)


@pytest.mark.parametrize("theirs", [2, None])
def test_weights_of_a_network_that_computed_something_else_are_refused(copy, theirs):
    manifest = read_manifest(copy)
    options = {} if theirs is None else {"revision": theirs}
    write_manifest(replace(manifest, model=replace(manifest.model, options=options)), copy)
    with pytest.raises(ModelError, match=r"networks were others.*train it again"):
        read_run(copy)


def test_a_family_that_did_not_change_keeps_its_revision():
    assert (revision("cnn"), revision("tcn")) == (3, 2)
    assert set(REVISIONS) <= set(MODELS)


@pytest.mark.parametrize("name", ["model.pt", "windows.npz", "metrics.json"])
def test_a_missing_file_is_named(copy, name):
    (copy / name).unlink()
    with pytest.raises(ModelError, match=f"lacks {name}"):
        read_run(copy)


@pytest.mark.parametrize("name", ["model.pt", "windows.npz"])
def test_a_cut_off_file_is_an_error_that_names_it(copy, name):
    whole = (copy / name).read_bytes()
    (copy / name).write_bytes(whole[: len(whole) // 2])
    reseal(copy)
    with pytest.raises(ModelError, match=name):
        read_run(copy)


def test_a_folder_that_is_no_run_says_what_it_should_be(tmp_path):
    with pytest.raises(ManifestError, match="neither a run"):
        read_run(tmp_path)


@pytest.mark.parametrize(
    "content",
    [b"", b"not weights", {1: torch.zeros(2)}, {"head.weight": torch.tensor(float("nan"))}],
)
def test_weights_that_are_none_are_one_clear_error(copy, content):
    path = copy / "model.pt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    reseal(copy)
    with pytest.raises(ModelError, match="does not hold the weights of this run"):
        read_run(copy)


def test_weights_that_are_not_finite_are_refused(copy):
    weights = torch.load(copy / "model.pt", weights_only=True)
    weights["head.bias"][0] = float("nan")
    torch.save(weights, copy / "model.pt")
    reseal(copy)
    with pytest.raises(ModelError, match="not finite"):
        read_run(copy)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("calibration", lambda one: one[:0]),
        ("calibration", lambda one: one * np.nan),
        ("calibration", lambda one: one.astype(np.float64)),
        ("held_out_inputs", lambda one: one[:, :1]),
        ("held_out_inputs", lambda one: one[:0]),
        ("held_out_classes", lambda one: one + 99),
        ("held_out_trials", lambda one: one[1:]),
    ],
)
def test_windows_that_do_not_fit_are_one_clear_error(copy, name, change):
    with np.load(copy / "windows.npz") as arrays:
        content = dict(arrays)
    content[name] = change(content[name])
    np.savez(copy / "windows.npz", **content)
    reseal(copy)
    with pytest.raises(ModelError, match=r"windows.npz is damaged"):
        read_run(copy)


def test_a_run_of_networks_that_computed_something_else_is_refused(copy):
    manifest = read_manifest(copy)
    old = replace(manifest, model=replace(manifest.model, options={}))
    write_manifest(old, copy)
    with pytest.raises(ModelError, match=r"run was trained by.*train it again"):
        read_run(copy)
