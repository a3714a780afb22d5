"""The metrics of an evaluation in, an HTML page out."""

from collections.abc import Mapping, Sequence
from typing import Any

from edgeemg.pages.fold_dots import fold_dots
from edgeemg.pages.page import page
from edgeemg.pages.svg import inline

_MEASURES = (
    ("Accuracy", "accuracy"),
    ("Balanced accuracy: the mean over labels", "balanced_accuracy"),
    ("Macro F1", "macro_f1"),
    (
        "Expected calibration error: how far confidence is from accuracy",
        "expected_calibration_error",
    ),
)


def evaluation_page(metrics: Mapping[str, Any]) -> str:
    """One self-contained page of what `edgeemg evaluate --json` prints.

    Warnings stand above the number, protocol, chance and n beside it. MissingExtraError without
    the `train` extra.
    """
    dots = inline(fold_dots(metrics), "folds", title="Accuracy of each fold")
    content = {
        "metrics": metrics,
        "measures": [(words, metrics[name]) for words, name in _MEASURES],
        "n_folds": len(metrics["accuracy"]["folds"]),
        "confusion": _confusion(metrics["confusion"]),
        "people": metrics.get("people", {}),
        "dots": dots,
    }
    return page("evaluation.html", content)


def _confusion(confusion: Mapping[str, Any]) -> dict[str, Any]:
    """A row for each true label: its trials, and how many were called what, with the share."""
    labels: Sequence[str] = confusion["labels"]
    rows = []
    for place, (label, counts) in enumerate(zip(labels, confusion["counts"], strict=True)):
        n = sum(counts)
        cells = [
            {"count": count, "share": count / n if n else 0.0, "right": place == other}
            for other, count in enumerate(counts)
        ]
        rows.append({"label": label, "n": n, "cells": cells})
    return {"labels": labels, "rows": rows}
