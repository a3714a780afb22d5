"""Logits of windows in, metrics of trials out, in the shape that `--json` promises."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeemg.dsp.probabilities import softmax

MEASURES = ("accuracy", "balanced_accuracy", "macro_f1")


def trial_classes(
    logits: NDArray[np.floating], trial: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The trials that occur, and the class that the mean of each one's probabilities names."""
    trials, owner = np.unique(trial, return_inverse=True)
    summed = np.zeros((len(trials), logits.shape[1]))
    np.add.at(summed, owner, softmax(logits))
    return trials, summed.argmax(axis=1)


def true_classes(classes: NDArray[np.int64], trial: NDArray[np.int64]) -> NDArray[np.int64]:
    """The class of each trial that occurs, in the order of `trial_classes`."""
    _, first = np.unique(trial, return_index=True)
    return classes[first]


def fold_metrics(
    true: NDArray[np.int64], predicted: NDArray[np.int64], *, n_classes: int
) -> dict[str, Any]:
    """Accuracy, balanced accuracy, macro F1 and the confusion counts (true by predicted).

    Balanced accuracy and macro F1 are means over the classes that occur in `true`.
    """
    counts = np.zeros((n_classes, n_classes), dtype=np.int64)
    np.add.at(counts, (true, predicted), 1)
    occurs = counts.sum(axis=1) > 0
    hits = np.diag(counts)
    recall = hits[occurs] / counts.sum(axis=1)[occurs]
    f1 = 2 * hits[occurs] / (counts.sum(axis=1) + counts.sum(axis=0))[occurs]
    return {
        "accuracy": float(hits.sum() / counts.sum()),
        "balanced_accuracy": float(recall.mean()),
        "macro_f1": float(f1.mean()),
        "counts": counts,
    }


def metrics_report(
    folds: Sequence[dict[str, Any]],
    *,
    data: str,
    protocol: str,
    model: str,
    labels: Sequence[str],
    warnings: Sequence[str],
) -> dict[str, Any]:
    """Folds of `fold_metrics` as the metrics JSON: fractions from 0 to 1, std over folds."""
    counts = sum(np.asarray(fold["counts"]) for fold in folds)
    report: dict[str, Any] = {
        "data": data,
        "protocol": protocol,
        "model": model,
        "n_trials": int(np.sum(counts)),
    }
    for name in MEASURES:
        values = [fold[name] for fold in folds]
        report[name] = {
            "mean": float(np.mean(values)),
            "std": float(np.std(values)),
            "folds": values,
        }
    report["confusion"] = {"labels": list(labels), "counts": np.asarray(counts).tolist()}
    report["warnings"] = list(warnings)
    return report
