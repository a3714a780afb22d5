"""A few seconds of generated EMG, and cells on it that take a moment."""

from dataclasses import replace
from typing import Any

import pytest

from edgeemg.data.synth import make_recordings
from edgeemg.dsp.samples import Recording
from edgeemg.train.comparison.grid import Grid
from edgeemg.train.comparison.identity import recipe_sha256
from edgeemg.train.comparison.work import Cell, Job
from edgeemg.train.settings import EvaluationSettings, FitSettings, TrainSettings


@pytest.fixture(scope="session")
def recordings() -> tuple[Recording, ...]:
    """Generated: two words, five times each, on two channels."""
    return tuple(make_recordings(words=2, repetitions=5, channels=2, seed=0))


@pytest.fixture(scope="session")
def grid() -> Grid:
    """Two models at two windows, one epoch, two folds."""
    train = TrainSettings(fit=FitSettings(epochs=1))
    return Grid(
        models=("simple-cnn", "cnn"),
        front_ends=("broad",),
        windows_ms=(400.0, 600.0),
        fractions=(1.0,),
        seeds=(0,),
        base=EvaluationSettings(train=train, folds=2),
    )


@pytest.fixture(scope="session")
def job(recordings: tuple[Recording, ...]) -> Job:
    return Job(recordings, "generated", recipe_sha256())


@pytest.fixture(scope="session")
def cells(grid: Grid) -> list[Cell]:
    return [Cell(str(n), settings) for n, settings in enumerate(grid.settings())]


@pytest.fixture(scope="session")
def impossible(cells: list[Cell]) -> Cell:
    """A window shorter than the hop."""
    settings = cells[0].settings
    train = replace(settings.train, window_ms=20.0)
    return Cell("impossible", replace(settings, train=train))


@pytest.fixture
def metrics() -> Any:
    """`metrics(accuracies, ...)`: the metrics of a cell, made up."""

    def make(folds: list[float], **more: Any) -> dict[str, Any]:
        measure = {"mean": sum(folds) / len(folds), "std": 0.0, "folds": folds}
        names = ("accuracy", "balanced_accuracy", "macro_f1", "expected_calibration_error")
        plain = {
            "protocol": "blocked",
            "licence": "CC0-1.0",
            "generated": True,
            "chance": 0.5,
            "majority": 0.6,
            "confusion": {"labels": ["a", "b"], "counts": [[3, 1], [1, 3]]},
            "warnings": [],
            "window_ms": 400.0,
            "parameters": 10,
            "macs": 100,
            "n_trials": 8,
            "n_train": [4] * len(folds),
            "n_test": [4] * len(folds),
            "fold_names": [str(n) for n in range(len(folds))],
        }
        return plain | dict.fromkeys(names, measure) | more

    return make
