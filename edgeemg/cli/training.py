"""What `train` and `demo` share: reading recordings, and training with something to look at."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgeemg.cli.training_options import train_settings
from edgeemg.dsp.samples import Recording

if TYPE_CHECKING:
    from rich.progress import ProgressColumn

    from edgeemg.train.dataset import Dataset
    from edgeemg.train.training import Trained


def load_recordings(
    folder: Path, subjects: Sequence[str], sessions: Sequence[str], tasks: Sequence[str]
) -> list[Recording]:
    """The recordings below a folder, or those of some people, sessions and tasks."""
    from edgeemg.data.bids import read_recordings

    recordings = list(read_recordings(folder, subjects=subjects, sessions=sessions, tasks=tasks))
    minutes = sum(len(one.samples) / one.samples.sample_rate_hz for one in recordings) / 60
    click.echo(f"{len(recordings)} recordings, {minutes:.1f} minutes, from {folder}", err=True)
    return recordings


def data_name(folder: Path, options: Mapping[str, Any]) -> str:
    """`somach, session A, B`: the folder, and which part of it was asked for."""
    parts = [
        f"{what} {', '.join(options[what])}"
        for what in ("subject", "session", "task")
        if options[what]
    ]
    return ", ".join([folder.resolve().name, *parts])


def train_with_progress(
    recordings: Sequence[Recording], options: Mapping[str, Any], *, data: str
) -> "Trained":
    """Train under a progress bar and tell what came out."""
    from rich.console import Console
    from rich.progress import Progress

    from edgeemg.train.fit import Epoch
    from edgeemg.train.training import train

    settings = train_settings(options, patience=options["patience"])
    with Progress(*progress_columns("training"), console=Console(stderr=True)) as progress:
        bar = progress.add_task("training", total=settings.fit.epochs, note="")

        def on_epoch(epoch: Epoch) -> None:
            note = f"loss {epoch.train_loss:.3f}, validation {epoch.validation_accuracy or 0:.3f}"
            progress.update(bar, completed=epoch.number, note=note)

        def on_dataset(dataset: "Dataset", parameters: int) -> None:
            progress.console.print(
                _describe(dataset, parameters, settings.rest_label), highlight=False
            )

        trained = train(recordings, settings, data=data, on_dataset=on_dataset, on_epoch=on_epoch)
    _tell(trained)
    return trained


def progress_columns(what: str) -> "list[ProgressColumn]":
    """What a progress bar shows: what is done, how far, a note, and the time."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn

    return [
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
    ]


def _describe(dataset: "Dataset", parameters: int, rest_label: str | None) -> str:
    from edgeemg.train.trials import find_rest

    parts = ", ".join(
        f"{name} {part.n_trials} trials ({len(part.classes)} windows)"
        for name, part in (
            ("train", dataset.train),
            ("validation", dataset.validation),
            ("test", dataset.test),
        )
    )
    named = find_rest(dataset.labels) if rest_label is None else rest_label
    rest = "none means rest" if named is None else f"{named} is rest"
    skipped = sum(dataset.without_window.values())
    lines = [
        f"labels {', '.join(dataset.labels)}; {rest}; {parameters:,} parameters; "
        f"windows of {dataset.window_samples} samples every {dataset.hop_samples}",
        parts,
        f"left out: {dataset.left_out} trials beside another part, "
        f"{skipped} without a whole window",
    ]
    return "\n".join(lines)


def _tell(trained: "Trained") -> None:
    metrics = trained.metrics
    best = [epoch.number for epoch in trained.history if epoch.best]
    how = f"best epoch {best[-1]}" if best else "solved in closed form"
    click.echo(
        f"{how}; test: accuracy {metrics['accuracy']['mean']:.3f}, balanced "
        f"{metrics['balanced_accuracy']['mean']:.3f}, macro F1 {metrics['macro_f1']['mean']:.3f} "
        f"over {metrics['n_trials']} trials, {len(metrics['confusion']['labels'])} labels",
        err=True,
    )
    click.echo(f"protocol {metrics['protocol']}", err=True)
    for warning in metrics["warnings"]:
        click.echo(f"warning: {warning}", err=True)
