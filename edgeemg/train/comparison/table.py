"""What cells gave in, one comparison as plain JSON out: a row for every combination.

Cells that differ in their seed alone are one row: its figures are means over seeds, fold by fold.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from edgeemg import __version__
from edgeemg.train.comparison.cells import CellResult
from edgeemg.train.comparison.grid import Grid
from edgeemg.train.comparison.paired import difference
from edgeemg.train.comparison.work import Cell
from edgeemg.train.metrics import MEASURES
from edgeemg.train.settings import EvaluationSettings

SCHEMA = 1
_OF_ALL = ("protocol", "licence", "generated", "chance", "majority")
_PAIRED = {
    False: "95 % interval of the paired difference over folds, corrected for the training trials "
    "that folds share (Nadeau and Bengio 2003); not corrected for how many rows are compared, "
    "nor for the best row having been chosen on these same folds",
    True: "95 % t interval of the paired difference over people, each with a model of their own; "
    "not corrected for how many rows are compared, nor for the best row having been chosen on "
    "these same people",
}


def comparison_of(
    cells: Sequence[Cell],
    results: Mapping[str, CellResult],
    lacking: Mapping[str, str],
    *,
    grid: Grid,
    data: str,
) -> dict[str, Any]:
    """Rows by falling accuracy, each with its difference to the best; what is lacking, and why."""
    by_row: dict[EvaluationSettings, list[Cell]] = defaultdict(list)
    for cell in cells:
        if cell.key in results:
            by_row[_seedless(cell.settings)].append(cell)
    rows = [_row(members, results) for members in by_row.values()]
    rows.sort(key=lambda row: -row["accuracy"]["mean"])
    for row in rows:
        row["to_best"] = _to_best(row, rows[0], per_person=grid.base.per_person)
    return {
        "schema": SCHEMA,
        "data": data,
        "edgeemg_version": __version__,
        "grid": asdict(grid),
        **_shared([results[cell.key].metrics for cell in cells if cell.key in results]),
        "paired": _PAIRED[grid.base.per_person],
        "rows": rows,
        "lacking": [
            {**_choices(cell.settings), "seed": cell.settings.train.fit.seed, "reason": reason}
            for cell in cells
            if (reason := lacking.get(cell.key)) is not None
        ],
    }


def _seedless(settings: EvaluationSettings) -> EvaluationSettings:
    fit = replace(settings.train.fit, seed=0)
    return replace(settings, train=replace(settings.train, fit=fit))


def _choices(settings: EvaluationSettings) -> dict[str, Any]:
    train = settings.train
    return {
        "model": train.model,
        "front_end": train.front_end,
        "window_ms": train.window_ms,
        "fraction": settings.fraction,
    }


def _row(members: Sequence[Cell], results: Mapping[str, CellResult]) -> dict[str, Any]:
    all_metrics = [results[cell.key].metrics for cell in members]
    first = all_metrics[0]
    seconds = np.mean([results[cell.key].train_seconds for cell in members], axis=0)
    row = {
        **_choices(members[0].settings),
        "seeds": [cell.settings.train.fit.seed for cell in members],
        "parameters": first["parameters"],
        "macs": first["macs"],
        "n_trials": first["n_trials"],
        "n_train": float(np.mean([one["n_train"] for one in all_metrics])),
        **{name: _over_seeds([one[name]["folds"] for one in all_metrics]) for name in MEASURES},
        "train_seconds": {"mean": float(np.mean(seconds)), "folds": seconds.tolist()},
        "folds": [list(pair) for pair in zip(first["fold_names"], first["n_test"], strict=True)],
        "cells": [cell.key for cell in members],
    }
    if "people" in first:
        row["people"] = {
            person: float(np.mean([one["people"][person]["accuracy"] for one in all_metrics]))
            for person in first["people"]
        }
    return row


def _over_seeds(by_seed: Sequence[Sequence[float]]) -> dict[str, Any]:
    """A measure of each fold, the mean over seeds, as the metrics JSON has it."""
    folds = np.mean(by_seed, axis=0)
    spread = {"mean": float(np.mean(folds)), "std": float(np.std(folds)), "folds": folds.tolist()}
    if len(by_seed) == 1:
        return spread
    return spread | {"std_over_seeds": float(np.std(np.mean(by_seed, axis=1)))}


def _to_best(
    row: Mapping[str, Any], best: Mapping[str, Any], *, per_person: bool
) -> dict[str, Any] | None:
    """The difference to the best row; None where it was tested on other trials."""
    if row["folds"] != best["folds"]:
        return None
    if per_person:
        people = best["people"]
        ours = [row["people"][person] for person in people]
        return asdict(difference(ours, list(people.values()), overlap=0))
    ours, theirs = row["accuracy"]["folds"], best["accuracy"]["folds"]
    n_test = float(np.mean([tested for _, tested in row["folds"]]))
    overlap = n_test / min(row["n_train"], best["n_train"])
    return asdict(difference(ours, theirs, overlap=overlap))


def _shared(all_metrics: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What is the same for all cells, and the warnings, each with its window where it has one."""
    if not all_metrics:
        return {**dict.fromkeys(_OF_ALL), "labels": [], "warnings": []}
    first = all_metrics[0]
    by_window = {
        window: [one["warnings"] for one in all_metrics if one["window_ms"] == window]
        for window in dict.fromkeys(one["window_ms"] for one in all_metrics)
    }
    said: dict[str, list[float]] = defaultdict(list)
    for window, warnings in by_window.items():
        for warning in dict.fromkeys(each for one in warnings for each in one):
            said[warning].append(window)
    return {
        **{name: first[name] for name in _OF_ALL},
        "labels": first["confusion"]["labels"],
        "warnings": [
            warning if len(windows) == len(by_window) else f"{_listed(windows)}: {warning}"
            for warning, windows in said.items()
        ],
    }


def _listed(windows_ms: Sequence[float]) -> str:
    return f"windows of {', '.join(f'{one:g}' for one in windows_ms)} ms"
