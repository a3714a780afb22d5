"""A folder and a grid in, a comparison out: with progress to watch, a table and pictures."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgeemg.cli.training import data_name, load_recordings, progress_columns
from edgeemg.train.settings import EvaluationSettings, FitSettings, TrainSettings

if TYPE_CHECKING:
    from rich.progress import Progress
    from rich.table import Table

    from edgeemg.train.comparison.compare import Workers
    from edgeemg.train.comparison.grid import Grid
    from edgeemg.train.comparison.work import Cell, Outcome

_NO_TERMINAL_COLUMNS = 140  # where nobody's window has to hold the table


def compare_with_progress(
    folder: Path, options: Mapping[str, Any], *, jobs: int, address: str | None
) -> dict[str, Any]:
    """Run or read the cells of the grid that the options span."""
    from rich.console import Console
    from rich.progress import Progress

    from edgeemg.train.comparison.compare import compare

    grid = _grid(options)
    recordings = load_recordings(folder, options["subject"], options["session"], options["task"])
    with Progress(*progress_columns("cells"), console=Console(stderr=True)) as progress:
        watch = _Watch(progress)
        try:
            return compare(
                recordings,
                grid,
                data=data_name(folder, options),
                folder=options["out"],
                workers=_workers(jobs, address),
                watch=watch,
            )
        except (KeyboardInterrupt, SystemExit):
            progress.console.print(
                f"stopped; {watch.done} of {watch.cells} cells are kept in {options['out']}: "
                "the same command goes on from there",
                highlight=False,
                markup=False,
                soft_wrap=True,
            )
            raise


def _grid(options: Mapping[str, Any]) -> "Grid":
    """The grid, its names checked before any data is read."""
    from edgeemg.train.comparison.grid import Grid
    from edgeemg.train.evaluation import check

    base = EvaluationSettings(
        train=TrainSettings(hop_ms=options["hop_ms"], fit=FitSettings(epochs=options["epochs"])),
        protocol=options["protocol"],
        folds=options["folds"],
        per_person=options["per_person"],
    )
    choices = ("models", "front_ends", "windows_ms", "fractions", "seeds")
    grid = Grid(**{name: options[name] for name in choices}, base=base)
    for settings in grid.settings():
        check(settings)
    return grid


def _workers(jobs: int, address: str | None) -> "Workers":
    if address is not None:
        from edgeemg.train.comparison.ray_workers import run_on_ray

        return partial(run_on_ray, address=address)
    from edgeemg.train.comparison.local_workers import run_local

    return partial(run_local, jobs=jobs)


class _Watch:
    """A bar of the cells that are done, a line for each that ends, and what is running."""

    def __init__(self, progress: "Progress") -> None:
        self._progress = progress
        self._bar = progress.add_task("cells", total=None, note="reading")
        self._running: dict[str, str] = {}
        self.cells = self.done = 0

    def planned(self, cells: int, kept: int) -> None:
        self.cells, self.done = cells, kept
        if kept:
            self._print(f"{kept} of {cells} cells were made before and are kept")
        self._progress.update(self._bar, total=cells, completed=kept, note="")

    def damaged(self, said: str) -> None:
        self._print(f"{said}: it is made anew")

    def started(self, cell: "Cell") -> None:
        from edgeemg.train.comparison.grid import name

        self._running[cell.key] = name(cell.settings)
        self._show()

    def finished(self, outcome: "Outcome") -> None:
        from edgeemg.train.comparison.grid import name

        self._running.pop(outcome.cell.key, None)
        its = name(outcome.cell.settings)
        if outcome.result is None:
            self._print(f"{its}: LACKING, {outcome.reason}")
        else:
            self.done += 1
            accuracy = outcome.result.metrics["accuracy"]["mean"]
            self._print(
                f"{its}: accuracy {accuracy:.3f}, {sum(outcome.result.train_seconds):.0f} s"
            )
        self._progress.advance(self._bar)
        self._show()

    def _show(self) -> None:
        names = list(self._running.values())
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        self._progress.update(self._bar, note=names[0] + more if names else "")

    def _print(self, line: str) -> None:
        self._progress.console.print(line, highlight=False, markup=False, soft_wrap=True)


def tell_comparison(comparison: Mapping[str, Any]) -> None:
    """The table, how to read it, and what has to be said beside it, on stderr."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        console = Console(stderr=True, width=_NO_TERMINAL_COLUMNS)
    if comparison["rows"]:
        console.print(_table(comparison))
        for line in (
            f"to the best: {comparison['paired']}",
            f"protocol {comparison['protocol']}; chance {comparison['chance']:.3f}, always the "
            f"commonest label {comparison['majority']:.3f}",
        ):
            console.print(line, highlight=False, markup=False)
    if comparison["generated"]:
        console.print("GENERATED EMG: it says nothing about people", highlight=False)
    for warning in comparison["warnings"]:
        console.print(f"warning: {warning}", highlight=False, markup=False)
    for cell in comparison["lacking"]:
        its = f"{cell['model']} {cell['front_end']} {cell['window_ms']:g} ms {cell['fraction']:g}"
        console.print(
            f"lacking: {its} seed {cell['seed']}: {cell['reason']}", highlight=False, markup=False
        )


def _table(comparison: Mapping[str, Any]) -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("model", "front end"):
        table.add_column(name)
    for name in (
        "window ms",
        "fraction",
        "parameters",
        "MACs",
        "accuracy ± std",
        "balanced",
        "to the best [95 %]",
        "s a fold",
    ):
        table.add_column(name, justify="right")
    for place, row in enumerate(comparison["rows"]):
        table.add_row(
            row["model"],
            row["front_end"],
            f"{row['window_ms']:g}",
            f"{row['fraction']:g}",
            f"{row['parameters']:,}",
            f"{row['macs']:,}",
            f"{row['accuracy']['mean']:.3f} ± {row['accuracy']['std']:.3f}",
            f"{row['balanced_accuracy']['mean']:.3f}",
            _to_best(row) if place else "the best",
            f"{row['train_seconds']['mean']:.1f}",
        )
    return table


def _to_best(row: Mapping[str, Any]) -> str:
    apart = row["to_best"]
    if apart is None:
        return "other folds"
    if apart["low"] is None:
        return f"{apart['mean']:+.3f}"
    return f"{apart['mean']:+.3f} {apart['low']:+.3f}..{apart['high']:+.3f}"


def write_pictures(comparison: Mapping[str, Any], out: Path, report: Path | None) -> None:
    """The plots as SVG files beside the JSON file, and the page where one was asked for."""
    from edgeemg.pages.comparison import comparison_page
    from edgeemg.pages.plots import NAMES, plots
    from edgeemg.train.comparison.cells import write_whole

    for name in NAMES:
        (out / f"{name}.svg").unlink(missing_ok=True)  # of an earlier, larger grid
    made = plots(comparison)
    for plot in made:
        write_whole(out / f"{plot.name}.svg", plot.svg)
    names = ", ".join(["comparison.json", *(f"{plot.name}.svg" for plot in made)])
    click.echo(f"written to {out}: {names}", err=True)
    if report is not None:
        write_whole(report, comparison_page(comparison))
        click.echo(f"report written to {report}", err=True)
