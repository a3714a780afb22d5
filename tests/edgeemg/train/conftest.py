"""A run trained on a little generated EMG."""

from pathlib import Path

import pytest

from edgeemg.data.synth import make_recordings
from edgeemg.train.runs import write_run
from edgeemg.train.settings import FitSettings, TrainSettings
from edgeemg.train.training import Trained, train


@pytest.fixture(scope="session")
def trained() -> Trained:
    """A small CNN after a few epochs on one generated session of three words."""
    recordings = list(make_recordings(words=3, repetitions=12, seed=5))
    settings = TrainSettings(model="cnn", fit=FitSettings(epochs=6))
    return train(recordings, settings, data="generated")


@pytest.fixture(scope="session")
def run_folder(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a run on disk; copy it before damaging it."""
    folder = tmp_path_factory.mktemp("runs") / "cnn"
    write_run(trained, folder)
    return folder
