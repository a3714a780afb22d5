"""From recordings to a trained network with its manifest and metrics."""

import numpy as np
import pytest

from edgeemg.data.synth import make_recordings
from edgeemg.errors import ModelError
from edgeemg.train.settings import FitSettings, TrainSettings
from edgeemg.train.training import train


def test_a_few_epochs_beat_chance_by_far(trained):
    chance = 1 / len(trained.manifest.labels)
    assert trained.metrics["balanced_accuracy"]["mean"] > 2 * chance


def test_generated_emg_is_said_to_be_generated_everywhere(trained):
    assert trained.manifest.training.generated
    assert any("Generated EMG" in warning for warning in trained.metrics["warnings"])


def test_the_manifest_says_what_the_device_needs(trained):
    manifest = trained.manifest
    assert manifest.rest_label == "rest"
    assert manifest.input_shape == (1, 8, 200)
    assert manifest.hop_samples == 25
    assert manifest.training.metrics["accuracy"] == trained.metrics["accuracy"]["mean"]


def test_the_scale_comes_from_the_training_part_alone(trained):
    """The training part has a spread of one by it; any other part only about."""
    train_part = trained.dataset.train.inputs
    low, high = np.percentile(train_part.transpose(0, 2, 1).reshape(-1, 8), [15.87, 84.13], axis=0)
    np.testing.assert_allclose((high - low) / 2, 1, atol=1e-3)


def test_no_trial_is_in_two_parts(trained):
    dataset = trained.dataset
    parts = (dataset.train, dataset.validation, dataset.test)
    trials = [trial for part in parts for trial in set(part.trials.tolist())]
    assert len(trials) == len(set(trials))


def test_the_same_seed_gives_the_same_metrics(trained):
    recordings = list(make_recordings(words=3, repetitions=12, seed=5))
    again = train(recordings, trained.settings, data="generated")
    assert again.metrics == trained.metrics


def test_a_rest_label_that_does_not_occur_is_an_error_that_lists_those_that_do():
    recordings = list(make_recordings(words=2, repetitions=8))
    with pytest.raises(ModelError, match=r"rest label 'pause' is not one of .*rest"):
        train(recordings, TrainSettings(rest_label="pause"), data="d")


def test_an_unknown_model_is_refused_before_any_work():
    with pytest.raises(ModelError, match="unknown model 'resnet'"):
        train([], TrainSettings(model="resnet"), data="d")


def test_a_hop_longer_than_the_window_is_refused():
    recordings = list(make_recordings(words=2, repetitions=8))
    settings = TrainSettings(window_ms=100, hop_ms=200, fit=FitSettings(epochs=1))
    with pytest.raises(ModelError, match="--hop-ms"):
        train(recordings, settings, data="d")
