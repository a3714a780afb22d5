"""A comparison that is stopped, damaged and enlarged; its cells run here, without processes."""

import json
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgeemg.dsp.samples import Recording
from edgeemg.train.comparison.compare import compare
from edgeemg.train.comparison.grid import Grid
from edgeemg.train.comparison.work import Cell, Job, Outcome, run_cell


class Log:
    """Remembers what it heard."""

    def __init__(self) -> None:
        self.plans: list[tuple[int, int]] = []
        self.damages: list[str] = []
        self.begun: list[str] = []
        self.outcomes: list[Outcome] = []

    def planned(self, cells: int, kept: int) -> None:
        self.plans.append((cells, kept))

    def damaged(self, said: str) -> None:
        self.damages.append(said)

    def started(self, cell: Cell) -> None:
        self.begun.append(cell.key)

    def finished(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)


def one_after_another(
    cells: Sequence[Cell], job: Job, on_start: Callable[[Cell], None]
) -> Generator[Outcome, None, None]:
    for cell in cells:
        on_start(cell)
        yield run_cell(cell, job)


Compared = Callable[..., tuple[dict[str, Any], Log]]


@pytest.fixture
def compared(recordings: tuple[Recording, ...], grid: Grid, tmp_path: Path) -> Compared:
    def run(log: Log | None = None, **other: Any) -> tuple[dict[str, Any], Log]:
        log = Log() if log is None else log
        whole = compare(
            recordings,
            replace(grid, **other),
            data="generated",
            folder=tmp_path / "out",
            workers=one_after_another,
            watch=log,
        )
        return whole, log

    return run


def test_a_comparison_has_a_row_for_every_cell_and_is_on_disk(
    compared: Compared, tmp_path: Path
) -> None:
    whole, log = compared()
    assert len(whole["rows"]) == 4
    assert whole["lacking"] == []
    assert whole["generated"] is True
    assert log.plans == [(4, 0)]
    assert log.begun == [outcome.cell.key for outcome in log.outcomes]
    assert json.loads((tmp_path / "out" / "comparison.json").read_text()) == whole


def test_the_same_again_runs_nothing_and_gives_the_same(compared: Compared) -> None:
    first, _ = compared()
    again, log = compared()
    assert again == first
    assert log.plans == [(4, 4)]
    assert log.begun == []


def test_a_larger_grid_runs_only_what_is_new(compared: Compared) -> None:
    first, _ = compared(models=("cnn",))
    whole, log = compared()
    assert log.plans == [(4, 2)]
    mine = {row["cells"][0]: row["accuracy"] for row in whole["rows"]}
    assert {row["cells"][0]: row["accuracy"] for row in first["rows"]}.items() <= mine.items()


def test_whoever_stops_it_keeps_the_cells_that_were_done(compared: Compared) -> None:
    class Impatient(Log):
        def finished(self, outcome: Outcome) -> None:
            super().finished(outcome)
            if len(self.outcomes) == 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compared(Impatient())
    whole, log = compared()
    assert log.plans == [(4, 2)]
    assert len(whole["rows"]) == 4


def test_a_damaged_cell_is_made_anew_and_said(compared: Compared, tmp_path: Path) -> None:
    first, _ = compared()
    damaged = next((tmp_path / "out" / "cells").iterdir())
    damaged.write_bytes(damaged.read_bytes().replace(b"0.", b"1.", 1))
    again, log = compared()
    assert log.plans == [(4, 3)]
    assert log.begun == [damaged.stem]
    assert damaged.name in log.damages[0]

    def figures(whole: dict[str, Any]) -> Any:
        return [{**row, "train_seconds": None} for row in whole["rows"]]

    assert figures(again) == figures(first)


def test_a_cell_that_cannot_run_is_lacking_and_tried_again_next_time(compared: Compared) -> None:
    whole, _ = compared(models=("cnn",), windows_ms=(20.0, 400.0))
    assert len(whole["rows"]) == 1
    assert "--hop-ms" in whole["lacking"][0]["reason"]
    _, log = compared(models=("cnn",), windows_ms=(20.0, 400.0))
    assert log.plans == [(2, 1)]


def test_the_name_of_the_data_is_todays(
    recordings: tuple[Recording, ...], grid: Grid, compared: Compared, tmp_path: Path
) -> None:
    compared()
    log = Log()
    renamed = compare(
        recordings,
        grid,
        data="renamed",
        folder=tmp_path / "out",
        workers=one_after_another,
        watch=log,
    )
    assert log.begun == []
    assert renamed["data"] == "renamed"
