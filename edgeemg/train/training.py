"""Recordings in, a trained network with its manifest and metrics out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from edgeemg import __version__
from edgeemg.dsp.identical import digest
from edgeemg.dsp.samples import Recording
from edgeemg.errors import ModelError
from edgeemg.manifest import Channel, Manifest, ModelFacts, Training
from edgeemg.train.dataset import CLIP, Dataset, cut, divided
from edgeemg.train.fit import Epoch, fit, predict
from edgeemg.train.front_ends import FRONT_ENDS
from edgeemg.train.metrics import (
    fold_metrics,
    metrics_report,
    trial_probabilities,
    true_classes,
)
from edgeemg.train.models import MODELS, count_macs, count_parameters, make_model, revision
from edgeemg.train.settings import TrainSettings
from edgeemg.train.splits import blocked
from edgeemg.train.trials import find_rest


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """What training gives: all that a run folder holds."""

    model: nn.Module
    manifest: Manifest
    metrics: dict[str, Any]
    settings: TrainSettings
    history: list[Epoch]
    dataset: Dataset


def train(
    recordings: Sequence[Recording],
    settings: TrainSettings,
    *,
    data: str,
    on_dataset: Callable[[Dataset, int], None] | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> Trained:
    """Train one model on recordings; `data` names them in the metrics.

    The test part is used once, at the end. `on_dataset` is told the data and the number of
    parameters before the first epoch. Raises RecordingError for recordings that are not alike
    or too few, ModelError for an unknown name or a window that the model cannot take.
    """
    check_names(settings.model, settings.front_end)
    whole = cut(
        recordings,
        front_end=settings.front_end,
        window_ms=settings.window_ms,
        hop_ms=settings.hop_ms,
    )
    dataset = divided(whole, blocked(whole.windows.trials))
    if settings.rest_label is not None and settings.rest_label not in dataset.labels:
        raise ModelError(
            f"rest label {settings.rest_label!r} is not one of {', '.join(dataset.labels)}"
        )
    torch.manual_seed(settings.fit.seed)
    torch.use_deterministic_algorithms(True)
    model = make_model(
        settings.model,
        channels=len(dataset.scale),
        window_samples=dataset.window_samples,
        classes=len(dataset.labels),
    )
    if on_dataset is not None:
        on_dataset(dataset, count_parameters(model))
    history = fit(
        model,
        dataset.train,
        dataset.validation,
        settings=settings.fit,
        on_epoch=on_epoch,
    )
    return described(
        model,
        dataset,
        settings,
        history,
        data=data,
        recordings=recordings,
        trained_on=recordings,
    )


def described(
    model: nn.Module,
    dataset: Dataset,
    settings: TrainSettings,
    history: list[Epoch],
    *,
    data: str,
    recordings: Sequence[Recording],
    trained_on: Sequence[Recording],
) -> Trained:
    """A trained network with what it reaches on the test part, and its manifest.

    recordings  all that the dataset was cut from
    trained_on  those of them that the manifest says the network knows
    """
    metrics = _test(model, dataset, settings, data=data, recordings=recordings)
    manifest = _manifest(model, dataset, settings, metrics, trained_on)
    return Trained(model, manifest, metrics, settings, history, dataset)


def check_names(model: str, front_end: str) -> None:
    """ModelError for a name that is not one of ours: cheap, and before any data is read."""
    for what, name, known in (("model", model, MODELS), ("front end", front_end, FRONT_ENDS)):
        if name not in known:
            raise ModelError(f"unknown {what} {name!r}: choose one of {', '.join(known)}")


def checked(logits: NDArray[np.float32], model: str) -> NDArray[np.float32]:
    """The logits; ModelError where training left none that are numbers."""
    if not np.isfinite(logits).all():
        raise ModelError(
            f"training of {model!r} diverged, its outputs are not finite: look at the recordings "
            "with `edgeemg data info`, or train on a part of them"
        )
    return logits


def _test(
    model: nn.Module,
    dataset: Dataset,
    settings: TrainSettings,
    *,
    data: str,
    recordings: Sequence[Recording],
) -> dict[str, Any]:
    part = dataset.test
    _, probabilities = trial_probabilities(
        checked(predict(model, part.inputs), settings.model), part.trials
    )
    fold = fold_metrics(true_classes(part.classes, part.trials), probabilities)
    return metrics_report(
        [fold],
        data=data,
        protocol=dataset.protocol,
        model=settings.model,
        labels=dataset.labels,
        warnings=data_warnings(recordings, sum(dataset.without_window.values())),
    )


def data_warnings(recordings: Sequence[Recording], without_window: int) -> list[str]:
    """What the recordings say of themselves, and how many of their trials gave no window."""
    warnings = list(dict.fromkeys(one for recording in recordings for one in recording.warnings))
    if without_window:
        warnings.append(
            f"{without_window} trials gave no whole window "
            "(breaks in time, missing samples, channels that are off) and were left out"
        )
    return warnings


def _manifest(
    model: nn.Module,
    dataset: Dataset,
    settings: TrainSettings,
    metrics: dict[str, Any],
    trained_on: Sequence[Recording],
) -> Manifest:
    channels, window = len(dataset.scale), dataset.window_samples
    return Manifest(
        name=f"{settings.model} on {metrics['data']}",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        edgeemg_version=__version__,
        labels=dataset.labels,
        rest_label=settings.rest_label or find_rest(dataset.labels),
        sample_rate_hz=dataset.sample_rate_hz,
        channels=tuple(Channel(name) for name in dataset.channels),
        window_samples=window,
        hop_samples=dataset.hop_samples,
        bands=dataset.bands,
        scale=dataset.scale,
        clip=CLIP,
        model=ModelFacts(
            family=settings.model,
            parameters=count_parameters(model),
            macs=count_macs(model, channels=channels, window_samples=window),
            options={"revision": revision(settings.model)},
        ),
        training=Training(
            data=metrics["data"],
            protocol=dataset.protocol,
            licence="; ".join(sorted({recording.licence for recording in trained_on})),
            generated=any(recording.generated for recording in trained_on),
            recordings=len(trained_on),
            trials=dataset.train.n_trials,
            seed=settings.fit.seed,
            digests=tuple(sorted({digest(recording) for recording in trained_on})),
            metrics={
                name: metrics[name]["mean"]
                for name in ("accuracy", "balanced_accuracy", "macro_f1")
            },
        ),
    )
