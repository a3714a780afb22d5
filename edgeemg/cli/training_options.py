"""Options that `train`, `evaluate` and `compare` share, with the defaults of the settings."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from edgeemg.cli.numbers import POSITIVE
from edgeemg.train.settings import EvaluationSettings, FitSettings, TrainSettings

Command = TypeVar("Command", bound=Callable[..., Any])
SEED = click.IntRange(min=0, max=2**32 - 1)
_COUNT = click.IntRange(min=1)
_DEFAULT = TrainSettings()


def which_recordings(command: Command) -> Command:
    """--subject, --session and --task."""
    for what, name in (("task", "task"), ("session", "session"), ("person", "subject")):
        text = f"Only this {what}; may be repeated."
        command = click.option(f"--{name}", multiple=True, help=text)(command)
    return command


def by_protocol(command: Command) -> Command:
    """--protocol, --folds and --per-person."""
    evaluation = EvaluationSettings()
    options = (
        click.option(
            "--protocol",
            default=evaluation.protocol,
            show_default=True,
            help="blocked, session, subject or shuffled.",
        ),
        click.option(
            "--folds",
            type=click.IntRange(2, 100),
            default=evaluation.folds,
            show_default=True,
            help="Of blocked and shuffled.",
        ),
        click.option("--per-person", is_flag=True, help="A model of their own for every person."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def how_to_train(command: Command) -> Command:
    """--front-end, --window-ms, --hop-ms, --epochs and --seed."""
    options = (
        click.option(
            "--front-end",
            default=_DEFAULT.front_end,
            show_default=True,
            help="Filters: broad or split.",
        ),
        click.option(
            "--window-ms",
            type=POSITIVE,
            default=_DEFAULT.window_ms,
            show_default=True,
            help="Window length.",
        ),
        click.option(
            "--hop-ms",
            type=POSITIVE,
            default=_DEFAULT.hop_ms,
            show_default=True,
            help="Window to window.",
        ),
        click.option(
            "--epochs",
            type=_COUNT,
            default=_DEFAULT.fit.epochs,
            show_default=True,
            help="Passes over the training trials.",
        ),
        click.option(
            "--seed",
            type=SEED,
            default=_DEFAULT.fit.seed,
            show_default=True,
            help="Same seed, same machine, same figures.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def train_settings(options: Mapping[str, Any], **fit: Any) -> TrainSettings:
    """What the options say; `fit` holds more fields of FitSettings."""
    return TrainSettings(
        model=options["model"],
        front_end=options["front_end"],
        window_ms=options["window_ms"],
        hop_ms=options["hop_ms"],
        rest_label=options.get("rest_label"),
        fit=FitSettings(epochs=options["epochs"], seed=options["seed"], **fit),
    )
