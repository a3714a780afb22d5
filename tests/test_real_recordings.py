"""The whole path on recorded EMG: import, train, export, and decide live from a Cyton's bytes."""

import json

import pytest

MODELS = {"model.onnx", "model.int8.onnx", "model.tflite", "model.int8.tflite"}


def good(done):
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def somach(edgeemg, shared_data, tmp_path_factory):
    out = tmp_path_factory.mktemp("rec") / "somach"
    source = shared_data / "somach-semg" / "covert_sessions" / "session_B"
    good(edgeemg("data", "import", "somach-semg", source, "--out", out))
    return out


@pytest.fixture(scope="module")
def subvocal(edgeemg, shared_data, tmp_path_factory):
    out = tmp_path_factory.mktemp("rec") / "subvocal"
    source = shared_data / "subvocal-emg" / "P001" / "F"
    good(edgeemg("data", "import", "subvocal-emg", source, "--out", out))
    return out


@pytest.fixture(scope="module")
def subvocal_bundle(edgeemg, subvocal, tmp_path_factory):
    folder = tmp_path_factory.mktemp("subvocal")
    good(edgeemg("train", subvocal, "--epochs", 6, "--out", folder / "run"))
    good(edgeemg("export", folder / "run", "--quantize", "--out", folder / "bundle"))
    return folder / "bundle"


@pytest.mark.slow
@pytest.mark.parametrize("model", ["cnn", "transformer"])
def test_recorded_trials_become_four_model_files(model, edgeemg, somach, tmp_path):
    run, bundle = tmp_path / "run", tmp_path / "bundle"
    trained = good(
        edgeemg("train", somach, "--model", model, "--epochs", 12, "--out", run, "--json")
    )
    metrics = json.loads(trained.stdout)
    assert metrics["n_trials"] > 40
    assert metrics["balanced_accuracy"]["mean"] > 1.5 / 6  # six classes; chance is 1 / 6
    assert any("not microvolts on the skin" in warning for warning in metrics["warnings"])
    good(edgeemg("export", run, "--quantize", "--min-agreement", 0.9, "--out", bundle))
    assert {path.name for path in bundle.iterdir()} >= MODELS


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["onnx", "tflite"])
def test_a_recorded_person_is_decided_live_as_offline(
    engine, edgeemg, simulated, subvocal, subvocal_bundle, tmp_path
):
    recording = min(subvocal.rglob("*_emg.bdf"))
    options = ("--engine", engine, "--every-hop")
    offline = good(edgeemg("run", subvocal_bundle, "--recording", recording, *options))
    with simulated(recording, tmp_path / "emg") as port:
        live = good(edgeemg("run", subvocal_bundle, "--port", port, "--seconds", 15, *options))
    first, second = (
        [
            (one["label"], one["confidence"], one["sample_index"])
            for one in map(json.loads, done.stdout.splitlines())
        ]
        for done in (live, offline)
    )
    assert len(first) > 120
    assert first == second[: len(first)]
    assert "wire_lost 0;" in live.stderr
    assert {label for label, _, _ in first} > {"rest"}


@pytest.mark.slow
def test_the_confound_is_said_beside_the_number(edgeemg, subvocal, subvocal_bundle):
    run = subvocal_bundle.parent / "run"
    warnings = json.loads((run / "metrics.json").read_text())["warnings"]
    assert any("Each file holds one word only" in warning for warning in warnings)
