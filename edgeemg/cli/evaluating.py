"""A folder and options in, metrics out, with something to look at while it trains."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgeemg.cli.training import data_name, load_recordings, progress_columns
from edgeemg.cli.training_options import train_settings
from edgeemg.train.settings import EvaluationSettings

if TYPE_CHECKING:
    from edgeemg.train.evaluation import FoldDone
    from edgeemg.train.fit import Epoch
    from edgeemg.train.training import Trained


def evaluate_with_progress(
    folder: Path, options: Mapping[str, Any], *, keep: Path | None = None
) -> dict[str, Any]:
    """Evaluate under a progress bar, a line for each fold, and tell what came out.

    Each fold's network goes to `keep` as a run, if it is given.
    """
    from rich.console import Console
    from rich.progress import Progress

    from edgeemg.train.evaluation import check, evaluate

    settings = EvaluationSettings(
        train=train_settings(options),
        protocol=options["protocol"],
        folds=options["folds"],
        fraction=options["fraction"],
        per_person=options["per_person"],
    )
    check(settings)
    recordings = load_recordings(folder, options["subject"], options["session"], options["task"])
    epochs = settings.train.fit.epochs
    with Progress(*progress_columns("evaluating"), console=Console(stderr=True)) as progress:
        bar = progress.add_task("evaluating", total=None, note="cutting windows")

        def on_start(folds: int) -> None:
            progress.update(bar, total=folds * epochs, note="")

        def on_epoch(fold: int, epoch: "Epoch") -> None:
            note = f"fold {fold}, loss {epoch.train_loss:.3f}"
            progress.update(bar, completed=(fold - 1) * epochs + epoch.number, note=note)

        def on_fold(fold: "FoldDone") -> None:
            progress.update(bar, completed=fold.number * epochs)
            line = (
                f"fold {fold.number} of {fold.of} ({fold.name}): accuracy {fold.accuracy:.3f}, "
                f"{fold.train_seconds:.0f} s"
            )
            progress.console.print(line, highlight=False)

        done = evaluate(
            recordings,
            settings,
            data=data_name(folder, options),
            on_start=on_start,
            on_fold=on_fold,
            on_epoch=on_epoch,
            on_trained=_keeper(keep),
        )
    tell_metrics(done.metrics)
    return done.metrics


def _keeper(folder: Path | None) -> Callable[[int, "Trained"], None] | None:
    """Writes the network of each fold as a run, if a folder was named."""
    if folder is None:
        return None
    from edgeemg.train.runs import write_run

    return lambda number, trained: write_run(trained, folder / f"fold-{number}")


def tell_metrics(metrics: Mapping[str, Any]) -> None:
    """The figures, what they are of, and what has to be said beside them, on stderr."""
    for name, measure in (
        ("accuracy", metrics["accuracy"]),
        ("balanced accuracy", metrics["balanced_accuracy"]),
        ("macro F1", metrics["macro_f1"]),
        ("calibration error", metrics["expected_calibration_error"]),
    ):
        spread = f"{measure['mean']:.3f} ± {measure['std']:.3f}"
        click.echo(f"{name:18} {spread} over {len(measure['folds'])} folds", err=True)
    for person, own in metrics.get("people", {}).items():
        click.echo(f"  {person}: {own['accuracy']:.3f} of {own['n_trials']} trials", err=True)
    click.echo(
        f"{metrics['n_trials']} test trials, {len(metrics['confusion']['labels'])} labels, "
        f"chance {metrics['chance']:.3f}, always the commonest label {metrics['majority']:.3f}; "
        f"{metrics['parameters']:,} parameters, {metrics['macs']:,} multiply-accumulates",
        err=True,
    )
    click.echo(f"protocol {metrics['protocol']}", err=True)
    if metrics["generated"]:
        click.echo("GENERATED EMG: it says nothing about people", err=True)
    for warning in metrics["warnings"]:
        click.echo(f"warning: {warning}", err=True)
