"""Rows from made-up cells."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from edgeemg.train.comparison.cells import CellResult
from edgeemg.train.comparison.grid import Grid
from edgeemg.train.comparison.table import comparison_of
from edgeemg.train.comparison.work import Cell

Metrics = Callable[..., dict[str, Any]]


@pytest.fixture
def one_window(grid: Grid) -> Grid:
    return replace(grid, windows_ms=(400.0,))


def cells_of(grid: Grid) -> list[Cell]:
    return [Cell(str(n), settings) for n, settings in enumerate(grid.settings())]


def compared(grid: Grid, all_metrics: list[dict[str, Any] | None], **lacking: str) -> Any:
    cells = cells_of(grid)
    results = {
        cell.key: CellResult(metrics, (1.0, 3.0, 5.0))
        for cell, metrics in zip(cells, all_metrics, strict=True)
        if metrics is not None
    }
    reasons = {key.removeprefix("cell"): reason for key, reason in lacking.items()}
    return comparison_of(cells, results, reasons, grid=grid, data="made up")


def test_the_best_row_comes_first_and_the_others_are_paired_with_it(
    one_window: Grid, metrics: Metrics
) -> None:
    whole = compared(one_window, [metrics([0.5, 0.6, 0.7]), metrics([0.7, 0.7, 0.9])])
    best, other = whole["rows"]
    assert (best["model"], other["model"]) == ("cnn", "simple-cnn")
    assert best["to_best"]["mean"] == 0
    assert other["to_best"]["mean"] == pytest.approx(-1 / 6)
    assert other["to_best"]["low"] < other["to_best"]["mean"] < other["to_best"]["high"]
    assert other["to_best"]["n"] == 3
    assert best["train_seconds"] == {"mean": 3.0, "folds": [1.0, 3.0, 5.0]}


def test_rows_tested_on_other_trials_are_not_paired(one_window: Grid, metrics: Metrics) -> None:
    others = metrics([0.5, 0.6, 0.7], n_test=[4, 4, 3])
    whole = compared(one_window, [others, metrics([0.7, 0.7, 0.9])])
    assert whole["rows"][1]["to_best"] is None


def test_seeds_are_averaged_fold_by_fold(one_window: Grid, metrics: Metrics) -> None:
    grid = replace(one_window, models=("cnn",), seeds=(0, 1))
    (row,) = compared(grid, [metrics([0.5, 0.6]), metrics([0.7, 0.8])])["rows"]
    assert row["accuracy"]["folds"] == pytest.approx([0.6, 0.7])
    assert row["accuracy"]["std"] == pytest.approx(0.05)
    assert row["accuracy"]["std_over_seeds"] == pytest.approx(0.1)
    assert row["seeds"] == [0, 1]
    assert row["cells"] == ["0", "1"]


def test_one_seed_gives_the_figures_of_its_cell_to_the_last_digit(
    one_window: Grid, metrics: Metrics
) -> None:
    grid = replace(one_window, models=("cnn",))
    its = metrics([0.1 + 0.2, 1 / 3, 2 / 3])
    (row,) = compared(grid, [its])["rows"]
    assert row["accuracy"]["folds"] == its["accuracy"]["folds"]


def test_people_with_models_of_their_own_are_paired_by_person(
    one_window: Grid, metrics: Metrics
) -> None:
    grid = replace(one_window, base=replace(one_window.base, per_person=True))

    def people(*accuracies: float) -> dict[str, Any]:
        return {f"P{n}": {"accuracy": one} for n, one in enumerate(accuracies)}

    low = metrics([0.5] * 6, people=people(0.5, 0.4, 0.6))
    high = metrics([0.7] * 6, people=people(0.7, 0.6, 0.9))
    whole = compared(grid, [low, high])
    assert whole["rows"][1]["to_best"]["n"] == 3
    assert "people" in whole["paired"]


def test_what_is_lacking_is_listed_with_its_reason(one_window: Grid, metrics: Metrics) -> None:
    whole = compared(one_window, [metrics([0.5, 0.6]), None], cell1="the window is too short")
    assert len(whole["rows"]) == 1
    (lacking,) = whole["lacking"]
    assert (lacking["model"], lacking["reason"]) == ("cnn", "the window is too short")


def test_nothing_but_lacking_cells_is_a_comparison_too(one_window: Grid) -> None:
    whole = compared(one_window, [None, None], cell0="no", cell1="no")
    assert whole["rows"] == []
    assert len(whole["lacking"]) == 2


def test_a_warning_about_one_window_says_which(grid: Grid, metrics: Metrics) -> None:
    grid = replace(grid, models=("cnn",))
    short = metrics([0.5, 0.6], warnings=["confounded"])
    long = metrics([0.5, 0.6], warnings=["confounded", "9 trials left out"], window_ms=600.0)
    assert compared(grid, [short, long])["warnings"] == [
        "confounded",
        "windows of 600 ms: 9 trials left out",
    ]
