"""A run on disk: whole, readable by others, and never a way to run somebody's code."""

import json
import pickle
import shutil
import tomllib

import numpy as np
import pytest
import torch

from edgeemg.errors import ManifestError, ModelError
from edgeemg.train.fit import predict
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
    assert run.manifest == trained.manifest


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


class Malicious:
    def __reduce__(self):
        return print, ("this must never be printed",)


def test_a_pickle_in_place_of_weights_is_refused_and_not_run(copy, capsys):
    (copy / "model.pt").write_bytes(pickle.dumps(Malicious()))
    with pytest.raises(ModelError, match=r"model.pt does not hold the weights"):
        read_run(copy)
    assert "never" not in capsys.readouterr().out


def test_weights_of_another_network_are_refused(copy):
    torch.save({"head.weight": torch.zeros(2, 2)}, copy / "model.pt")
    with pytest.raises(ModelError, match="does not hold the weights of this run"):
        read_run(copy)


@pytest.mark.parametrize("name", ["model.pt", "windows.npz", "metrics.json"])
def test_a_missing_file_is_named(copy, name):
    (copy / name).unlink()
    with pytest.raises(ModelError, match=f"lacks {name}"):
        read_run(copy)


@pytest.mark.parametrize("name", ["model.pt", "windows.npz"])
def test_a_cut_off_file_is_an_error_that_names_it(copy, name):
    whole = (copy / name).read_bytes()
    (copy / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match=name):
        read_run(copy)


def test_a_folder_that_is_no_run_says_what_it_should_be(tmp_path):
    with pytest.raises(ManifestError, match="neither a run"):
        read_run(tmp_path)
