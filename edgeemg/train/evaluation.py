"""Recordings and a protocol in, metrics over folds out: each fold trains a model of its own."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from torch import nn

from edgeemg.dsp.identical import identical
from edgeemg.dsp.samples import Recording
from edgeemg.errors import ModelError
from edgeemg.train.dataset import Cut, Dataset, cut, divided
from edgeemg.train.fit import Epoch, fit, predict
from edgeemg.train.leaks import warnings as leak_warnings
from edgeemg.train.metrics import fold_metrics, metrics_report, trial_probabilities, true_classes
from edgeemg.train.models import count_macs, count_parameters, make_model
from edgeemg.train.settings import EvaluationSettings
from edgeemg.train.splits import PROTOCOLS, Parts, thinned, without_twins
from edgeemg.train.training import Trained, check_names, checked, data_warnings, described


@dataclass(frozen=True, slots=True)
class FoldDone:
    """One fold, trained and tested; `name` says what it tested."""

    number: int
    of: int
    name: str
    accuracy: float
    train_seconds: float


@dataclass(frozen=True, slots=True)
class Evaluated:
    """metrics: what `--json` prints, the same at every run; train_seconds: of each fold."""

    metrics: dict[str, Any]
    train_seconds: list[float]


@dataclass(frozen=True, slots=True, eq=False)
class _Task:
    """One fold that is to be done: whose, on which windows of what, and which trials."""

    person: str
    recordings: Sequence[Recording]
    cut: Cut
    parts: Parts

    @property
    def name(self) -> str:
        return f"{self.person} {self.parts.name}".strip()

    @property
    def trained_on(self) -> list[Recording]:
        """The recordings that any trial of the training part is from."""
        trials = self.cut.windows.trials
        names = {trials[n].recording for n in self.parts.train}
        return [one for one in self.recordings if one.name in names]


def evaluate(
    recordings: Sequence[Recording],
    settings: EvaluationSettings,
    *,
    data: str,
    on_start: Callable[[int], None] | None = None,
    on_fold: Callable[[FoldDone], None] | None = None,
    on_epoch: Callable[[int, Epoch], None] | None = None,
    on_trained: Callable[[int, Trained], None] | None = None,
) -> Evaluated:
    """Train and test a model for every fold of the protocol.

    A fold trains to its last epoch: no part of the test chooses when to stop. Filters and windows
    are made once, scaling comes from each fold's training trials alone. One thread, so that the
    same settings give the same figures beside other work. `on_start` hears the number of folds,
    `on_epoch` each epoch with the number of its fold, `on_trained` each fold's network.

    Raises ModelError for unknown names, RecordingError for recordings that the protocol cannot
    divide.
    """
    check(settings)
    folds: list[dict[str, Any]] = []
    seconds: list[float] = []
    with _one_thread():
        tasks = list(_tasks(recordings, settings))
        warnings = _warnings(tasks, recordings)
        if on_start is not None:
            on_start(len(tasks))
        for number, task in enumerate(tasks, 1):
            began = time.perf_counter()
            model, dataset, history = _trained(task, settings, _numbered(on_epoch, number))
            folds.append(_tested(model, dataset, settings))
            seconds.append(time.perf_counter() - began)
            if on_trained is not None:
                whole = described(
                    model,
                    dataset,
                    settings.train,
                    history,
                    data=data,
                    recordings=task.recordings,
                    trained_on=task.trained_on,
                )
                on_trained(number, whole)
            if on_fold is not None:
                accuracy = folds[-1]["accuracy"]
                on_fold(FoldDone(number, len(tasks), task.name, accuracy, seconds[-1]))
    metrics = _report(tasks, folds, settings, data, recordings, warnings)
    return Evaluated(metrics, seconds)


def check(settings: EvaluationSettings) -> None:
    """ModelError for settings that cannot be: cheap, and before any data is read."""
    check_names(settings.train.model, settings.train.front_end)
    if settings.protocol not in PROTOCOLS:
        raise ModelError(
            f"unknown protocol {settings.protocol!r}: choose one of {', '.join(PROTOCOLS)}"
        )
    if settings.protocol == "subject" and settings.per_person:
        raise ModelError("protocol subject trains on other people: leave --per-person away")
    if settings.folds < 2:
        raise ModelError(f"at least 2 folds are needed, got {settings.folds}")
    if not 0 < settings.fraction <= 1:
        raise ModelError(f"fraction must lie above 0 and be 1 at most, got {settings.fraction}")


def _tasks(recordings: Sequence[Recording], settings: EvaluationSettings) -> Iterator[_Task]:
    people = sorted({one.subject for one in recordings}) if settings.per_person else [""]
    for person in people:
        own = [one for one in recordings if not person or one.subject == person]
        train = settings.train
        whole = cut(own, front_end=train.front_end, window_ms=train.window_ms, hop_ms=train.hop_ms)
        trials, seed = whole.windows.trials, train.fit.seed
        twins = [[one.name for one in same] for same in identical(own)]
        for split in PROTOCOLS[settings.protocol](trials, count=settings.folds, seed=seed):
            parts = without_twins(split, trials, twins)
            used = thinned(parts.train, trials, fraction=settings.fraction, seed=seed)
            yield _Task(person, own, whole, replace(parts, train=used))


def _trained(
    task: _Task, settings: EvaluationSettings, on_epoch: Callable[[Epoch], None] | None
) -> tuple[nn.Module, Dataset, list[Epoch]]:
    """The network of one fold, its data, and how training went."""
    dataset = divided(task.cut, task.parts)
    torch.manual_seed(settings.train.fit.seed)
    model = make_model(
        settings.train.model,
        channels=len(dataset.scale),
        window_samples=dataset.window_samples,
        classes=len(dataset.labels),
    )
    history = fit(model, dataset.train, None, settings=settings.train.fit, on_epoch=on_epoch)
    return model, dataset, history


def _tested(model: nn.Module, dataset: Dataset, settings: EvaluationSettings) -> dict[str, Any]:
    """The measures of one fold, with what they were taken on."""
    test = dataset.test
    _, probabilities = trial_probabilities(
        checked(predict(model, test.inputs), settings.train.model), test.trials
    )
    shape = {"channels": len(dataset.scale), "window_samples": dataset.window_samples}
    return {
        **fold_metrics(true_classes(test.classes, test.trials), probabilities),
        "labels": dataset.labels,
        "n_train": dataset.train.n_trials,
        "parameters": count_parameters(model),
        "macs": count_macs(model, **shape),
    }


def _report(
    tasks: Sequence[_Task],
    folds: Sequence[dict[str, Any]],
    settings: EvaluationSettings,
    data: str,
    recordings: Sequence[Recording],
    warnings: Sequence[str],
) -> dict[str, Any]:
    labels = sorted({label for fold in folds for label in fold["labels"]})
    spread_out = [{**fold, "counts": _spread_out(fold, labels)} for fold in folds]
    protocol = tasks[0].parts.protocol
    report = metrics_report(
        spread_out,
        data=data,
        protocol=f"{protocol}; a model for each person" if settings.per_person else protocol,
        model=settings.train.model,
        labels=labels,
        warnings=warnings,
    )
    if settings.per_person:
        report["people"] = {
            person: _of_person(
                [fold for task, fold in zip(tasks, folds, strict=True) if task.person == person]
            )
            for person in dict.fromkeys(task.person for task in tasks)
        }
    return report | _facts(tasks, folds, settings, recordings, labels)


def _facts(
    tasks: Sequence[_Task],
    folds: Sequence[dict[str, Any]],
    settings: EvaluationSettings,
    recordings: Sequence[Recording],
    labels: Sequence[str],
) -> dict[str, Any]:
    """What the figures are of: enough to make them again."""
    train = settings.train
    return {
        "front_end": train.front_end,
        "window_samples": tasks[0].cut.window_samples,
        "window_ms": train.window_ms,
        "hop_ms": train.hop_ms,
        "epochs": train.fit.epochs,
        "fraction": settings.fraction,
        "seed": train.fit.seed,
        "parameters": max(fold["parameters"] for fold in folds),
        "macs": max(fold["macs"] for fold in folds),
        "chance": float(np.mean([1 / len(fold["labels"]) for fold in folds])),
        "majority": _majority(folds, labels),
        "fold_names": [task.name for task in tasks],
        "n_train": [fold["n_train"] for fold in folds],
        "n_test": [int(np.sum(fold["counts"])) for fold in folds],
        "licence": "; ".join(sorted({recording.licence for recording in recordings})),
        "generated": any(recording.generated for recording in recordings),
    }


def _spread_out(fold: dict[str, Any], labels: Sequence[str]) -> NDArray[np.int64]:
    """Confusion counts over all labels, where a person has only some of them."""
    counts = np.zeros((len(labels), len(labels)), dtype=np.int64)
    place = [labels.index(label) for label in fold["labels"]]
    counts[np.ix_(place, place)] = fold["counts"]
    return counts


def _majority(folds: Sequence[dict[str, Any]], labels: Sequence[str]) -> float:
    """The share of trials that whoever always names the commonest label gets right."""
    counts = sum(_spread_out(fold, labels).sum(axis=1) for fold in folds)
    return float(np.max(counts) / np.sum(counts))


def _of_person(folds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    means = {
        name: float(np.mean([fold[name] for fold in folds]))
        for name in ("accuracy", "balanced_accuracy", "macro_f1")
    }
    return {**means, "n_trials": int(sum(np.sum(fold["counts"]) for fold in folds))}


def _warnings(tasks: Sequence[_Task], recordings: Sequence[Recording]) -> list[str]:
    cuts = list({id(task.cut): task.cut for task in tasks}.values())
    without = sum(sum(one.windows.without_window.values()) for one in cuts)
    warnings = [*data_warnings(recordings, without), *leak_warnings(recordings)]
    if twins := max(task.parts.twins for task in tasks):
        warnings.append(
            f"up to {twins} training trials of a fold were left out: their recording holds the "
            "same samples as one that is tested"
        )
    return warnings


def _numbered(
    on_epoch: Callable[[int, Epoch], None] | None, number: int
) -> Callable[[Epoch], None] | None:
    if on_epoch is None:
        return None
    return lambda epoch: on_epoch(number, epoch)


@contextmanager
def _one_thread() -> Iterator[None]:
    before, was = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    try:
        with threadpool_limits(limits=1):  # numpy's own, that sum in another order
            yield
    finally:
        torch.set_num_threads(before)
        torch.use_deterministic_algorithms(was)
