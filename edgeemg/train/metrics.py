"""Logits of windows in, metrics of trials out, in the shape that `--json` promises."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeemg.dsp.probabilities import softmax

MEASURES = ("accuracy", "balanced_accuracy", "macro_f1", "expected_calibration_error")
_BINS = 15  # of confidence; Guo et al. 2017


def trial_probabilities(
    logits: NDArray[np.floating], trial: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The trials that occur, and (trial, class): the mean of their windows' probabilities."""
    trials, owner, counts = np.unique(trial, return_inverse=True, return_counts=True)
    summed = np.zeros((len(trials), logits.shape[1]))
    np.add.at(summed, owner, softmax(logits))
    return trials, summed / counts[:, None]


def true_classes(classes: NDArray[np.int64], trial: NDArray[np.int64]) -> NDArray[np.int64]:
    """The class of each trial that occurs, in the order of `trial_probabilities`."""
    _, first = np.unique(trial, return_index=True)
    return classes[first]


def fold_metrics(true: NDArray[np.int64], probabilities: NDArray[np.floating]) -> dict[str, Any]:
    """The measures, and the confusion counts (true by predicted), of (trial, class) probabilities.

    Balanced accuracy and macro F1 are means over the classes that occur in `true`.
    """
    predicted = probabilities.argmax(axis=1)
    n_classes = probabilities.shape[1]
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
        "expected_calibration_error": _calibration_error(
            probabilities.max(axis=1), predicted == true
        ),
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


def _calibration_error(confidence: NDArray[np.floating], right: NDArray[np.bool_]) -> float:
    """Mean distance of confidence from accuracy over bins of confidence, weighted by their size."""
    place = np.minimum((confidence * _BINS).astype(np.int64), _BINS - 1)
    gap = np.bincount(place, weights=confidence - right, minlength=_BINS)
    return float(np.abs(gap).sum() / len(confidence))
