"""A run that was really trained, a little, on generated EMG: once for all export tests."""

from collections.abc import Callable
from pathlib import Path

import pytest

from edgeemg.data.bids import write_recording
from edgeemg.data.synth import make_recordings
from edgeemg.train.runs import Run, read_run, write_run
from edgeemg.train.settings import FitSettings, TrainSettings
from edgeemg.train.training import train


def _make_run(folder: Path, model: str, *, epochs: int = 6, window_ms: float = 800) -> Run:
    recordings = list(make_recordings(words=3, repetitions=12, seed=5))
    settings = TrainSettings(model=model, window_ms=window_ms, fit=FitSettings(epochs=epochs))
    write_run(train(recordings, settings, data="generated"), folder)
    return read_run(folder)


@pytest.fixture(scope="session")
def make_run() -> Callable[..., Run]:
    """`make_run(folder, family, epochs=6, window_ms=800)` trains one more."""
    return _make_run


@pytest.fixture(scope="session")
def make_recording() -> Callable[[Path], Path]:
    """`make_recording(folder)` writes a short recording like those that the runs learned from."""

    def make(folder: Path) -> Path:
        (whole,) = make_recordings(words=3, repetitions=2, seed=5)
        return write_recording(whole, folder)

    return make


@pytest.fixture(scope="session")
def cnn_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return _make_run(tmp_path_factory.mktemp("runs") / "cnn", "cnn")


@pytest.fixture(scope="session")
def transformer_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return _make_run(tmp_path_factory.mktemp("runs") / "transformer", "transformer")
