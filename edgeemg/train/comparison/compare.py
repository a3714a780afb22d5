"""Recordings and a grid in, a comparison out: cells that are there are read, the others run."""

import json
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from edgeemg.dsp.samples import Recording
from edgeemg.train.comparison.cells import (
    CellResult,
    DamagedCell,
    open_folder,
    read_cell,
    write_cell,
    write_whole,
)
from edgeemg.train.comparison.grid import Grid
from edgeemg.train.comparison.identity import cell_key, data_sha256, recipe_sha256
from edgeemg.train.comparison.table import comparison_of
from edgeemg.train.comparison.work import Cell, Job, Outcome

COMPARISON_NAME = "comparison.json"
# cells, what they work on, and who hears which one has begun -> outcomes as they are ready
Workers = Callable[[Sequence[Cell], Job, Callable[[Cell], None]], Generator[Outcome, None, None]]


class Watch(Protocol):
    """Hears how a comparison goes on."""

    def planned(self, cells: int, kept: int) -> None:
        """So many cells there are, of which so many were made before."""

    def damaged(self, said: str) -> None:
        """A cell from before cannot be used and is made anew."""

    def started(self, cell: Cell) -> None:
        """A worker was given a cell."""

    def finished(self, outcome: Outcome) -> None:
        """A cell has a result, or a reason why it has none."""


def compare(
    recordings: Sequence[Recording],
    grid: Grid,
    *,
    data: str,
    folder: Path,
    workers: Workers,
    watch: Watch,
) -> dict[str, Any]:
    """The comparison as plain data, also written to `comparison.json` in `folder`.

    Every finished cell is on disk before the next one is waited for: whoever stops this loses
    the cells that were running. OutputExistsError for a folder that holds something else.
    """
    open_folder(folder)
    facts = {"data_sha256": data_sha256(recordings), "recipe_sha256": recipe_sha256()}
    cells = [Cell(cell_key(one, **facts), one) for one in grid.settings()]
    results = _kept(folder, cells, watch)
    watch.planned(len(cells), len(results))
    todo = [cell for cell in cells if cell.key not in results]
    lacking: dict[str, str] = {}
    job = Job(tuple(recordings), data, facts["recipe_sha256"])
    if todo:
        with closing(workers(todo, job, watch.started)) as outcomes:
            for outcome in outcomes:
                _keep(folder, outcome, facts, results, lacking)
                watch.finished(outcome)
    whole = comparison_of(cells, results, lacking, grid=grid, data=data)
    text = json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False)
    write_whole(folder / COMPARISON_NAME, text + "\n")
    plain: dict[str, Any] = json.loads(text)  # lists, not tuples: as whoever reads the file has it
    return plain


def _kept(folder: Path, cells: Sequence[Cell], watch: Watch) -> dict[str, CellResult]:
    results = {}
    for cell in cells:
        try:
            result = read_cell(folder, cell.key)
        except DamagedCell as damage:
            watch.damaged(str(damage))
            continue
        if result is not None:
            results[cell.key] = result
    return results


def _keep(
    folder: Path,
    outcome: Outcome,
    facts: dict[str, str],
    results: dict[str, CellResult],
    lacking: dict[str, str],
) -> None:
    cell = outcome.cell
    if outcome.result is None:
        lacking[cell.key] = outcome.reason
        return
    results[cell.key] = outcome.result
    write_cell(folder, cell.key, {"settings": asdict(cell.settings), **facts}, outcome.result)
