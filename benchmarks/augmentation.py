"""Recordings in; what each kind of augmentation brings out, alone against the default recipe.

    python -m benchmarks.augmentation rec/somach --session studyB
    python -m benchmarks.augmentation rec/somach --session studyB --models cnn,transformer --out aug

Each variant is evaluated on the same blocked folds as the default; the difference is paired over
folds (edgeemg.train.comparison.paired). What was done before is read from --out. Needs the extra
`train`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click

from edgeemg.cli.training import load_recordings
from edgeemg.errors import EdgeEmgError
from edgeemg.train.comparison.cells import CellResult, open_folder, read_cell, write_cell
from edgeemg.train.comparison.identity import cell_key, data_sha256, recipe_sha256
from edgeemg.train.comparison.local_workers import run_local
from edgeemg.train.comparison.paired import difference
from edgeemg.train.comparison.work import Cell, Job
from edgeemg.train.settings import Augmentation, EvaluationSettings, FitSettings, TrainSettings

_DEFAULT = Augmentation()
VARIANTS = {
    "default: time shift 0.1": _DEFAULT,
    "none": replace(_DEFAULT, time_shift=0),
    "time shift 0.2": replace(_DEFAULT, time_shift=0.2),
    "default and gain 0.2": replace(_DEFAULT, gain=0.2),
    "default and noise 0.05": replace(_DEFAULT, noise=0.05),
    "default and channel dropout 0.1": replace(_DEFAULT, channel_dropout=0.1),
    "default and mixup 0.3": replace(_DEFAULT, mixup=0.3),
}
_REFERENCE = next(iter(VARIANTS))


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--session", multiple=True, help="Only this session; may be repeated.")
@click.option("--protocol", default="blocked", show_default=True)
@click.option("--models", default="cnn,transformer", show_default=True)
@click.option("--jobs", default=2, show_default=True, type=click.IntRange(min=1))
@click.option("--out", default="augmentation", show_default=True, type=click.Path(path_type=Path))
def main(
    folder: Path, session: tuple[str, ...], protocol: str, models: str, jobs: int, out: Path
) -> None:
    """Print the table, and keep it as augmentation.json."""
    recordings = load_recordings(folder, (), session, ())
    open_folder(out)
    facts = {"data_sha256": data_sha256(recordings), "recipe_sha256": recipe_sha256()}
    cells = {
        (model, name): Cell(cell_key(settings, **facts), settings)
        for model in models.split(",")
        for name, settings in _settings(model, protocol)
    }
    job = Job(tuple(recordings), folder.resolve().name, facts["recipe_sha256"])
    results = _results(list(cells.values()), job, out, facts, jobs=jobs)
    rows = [_row(model, name, cells, results) for model, name in cells]
    (out / "augmentation.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    click.echo("| model | augmentation | accuracy | to the default, 95 % |\n|---|---|---|---|")
    for row in rows:
        apart = f"{row['mean']:+.3f}"
        if row["low"] is not None:
            apart += f" ({row['low']:+.3f} to {row['high']:+.3f})"
        click.echo(f"| {row['model']} | {row['augmentation']} | {row['accuracy']:.3f} | {apart} |")


def _settings(model: str, protocol: str) -> Iterator[tuple[str, EvaluationSettings]]:
    for name, augmentation in VARIANTS.items():
        fit = FitSettings(augmentation=augmentation)
        yield name, EvaluationSettings(TrainSettings(model=model, fit=fit), protocol)


def _results(
    cells: Sequence[Cell], job: Job, out: Path, facts: dict[str, str], *, jobs: int
) -> dict[str, CellResult]:
    kept = {cell.key: read_cell(out, cell.key) for cell in cells}
    results = {key: result for key, result in kept.items() if result is not None}
    todo = [cell for cell in cells if cell.key not in results]
    with click.progressbar(length=len(cells), label="evaluating") as bar:
        bar.update(len(results))
        for outcome in run_local(todo, job, jobs=jobs):
            if outcome.result is None:
                raise EdgeEmgError(f"{outcome.cell.settings.train.model}: {outcome.reason}")
            key = outcome.cell.key
            settings = {"settings": asdict(outcome.cell.settings)}
            write_cell(out, key, {**settings, **facts}, outcome.result)
            results[key] = outcome.result
            bar.update(1)
    return results


def _row(
    model: str,
    name: str,
    cells: Mapping[tuple[str, str], Cell],
    results: Mapping[str, CellResult],
) -> dict[str, Any]:
    ours = results[cells[model, name].key].metrics["accuracy"]
    default = results[cells[model, _REFERENCE].key].metrics["accuracy"]
    metrics = results[cells[model, name].key].metrics
    overlap = sum(metrics["n_test"]) / sum(metrics["n_train"])
    apart = difference(ours["folds"], default["folds"], overlap=overlap)
    return {"model": model, "augmentation": name, "accuracy": ours["mean"], **asdict(apart)}


if __name__ == "__main__":
    main()
