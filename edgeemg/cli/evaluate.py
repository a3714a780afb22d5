"""`edgeemg evaluate`: recordings and a model's name in, metrics by protocol out."""

import json
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from edgeemg.cli.numbers import FiniteRange
from edgeemg.cli.outputs import check_report, fresh_folder
from edgeemg.cli.training_options import by_protocol, how_to_train, which_recordings
from edgeemg.train.settings import EvaluationSettings

_DEFAULT = EvaluationSettings()
_OF_A_BUNDLE = {"engine", "precision", "grace_ms", "unseen"}
_OF_EITHER = {"paths", "as_json", "subject", "session", "task"}


@click.command()
@click.argument("paths", metavar="[BUNDLE] DIR", nargs=-1, type=click.Path(path_type=Path))
@click.option("--model", default="cnn", show_default=True, help="Which network; see MODELS below.")
@by_protocol
@click.option(
    "--fraction",
    type=FiniteRange(0, 1, min_open=True),
    default=_DEFAULT.fraction,
    show_default=True,
    help="Share of each fold's training trials to use.",
)
@which_recordings
@how_to_train
@click.option("--engine", help="Of a BUNDLE: onnx or tflite; see `run` for what it takes else.")
@click.option("--precision", help="Of a BUNDLE: float32 or int8; float32 where --engine is given.")
@click.option(
    "--grace-ms",
    type=FiniteRange(min=0),
    help="Of a BUNDLE: a word counts so long after its end.  [one window, at most half a gap]",
)
@click.option("--unseen", is_flag=True, help="Of a BUNDLE: not trained on these recordings.")
@click.option(
    "--keep",
    type=click.Path(path_type=Path),
    help="Write each fold's network here as a run that `export` takes.",
)
@click.option("--report", type=click.Path(path_type=Path), help="Write a page (HTML) with plots.")
@click.option("--json", "as_json", is_flag=True, help="Print the metrics as JSON on stdout.")
@click.pass_context
def evaluate(ctx: click.Context, /, paths: tuple[Path, ...], **options: Any) -> None:
    """How good is a model on the recordings in DIR? Every fold trains anew and tests once.

    With a BUNDLE before DIR, its decisions on those continuous recordings, through the runtime:
    false activations an hour, misses, delay. It runs the file that `edgeemg run` would.

    \b
    MODELS: cnn, transformer, hybrid, tcn, causal-cnn, gru, fft-cnn, lda, simple-cnn,
      patch-transformer, simple-transformer
    PROTOCOLS:
      blocked   stretches of time within each recording (the default)
      session   train on the other sessions, test on one
      subject   train on the other people, test on one
      shuffled  random trials: flatters; only to compare with papers

    \b
    edgeemg evaluate rec/somach --model cnn --session studyB --report cnn.html
    edgeemg evaluate rec/somach --model lda --protocol session --session A --session B
    edgeemg evaluate rec/subvocal --model cnn --per-person --task spoken --json
    edgeemg evaluate rec/somach --model tcn --session studyB --keep folds/tcn
    edgeemg evaluate bundles/cnn rec/new-day --precision int8
    """
    if len(paths) not in (1, 2):
        raise click.UsageError("give DIR, or BUNDLE and DIR")
    _refuse_misplaced(ctx, of_a_bundle=len(paths) == 2)
    check_report(options["report"])
    metrics = _bundle_metrics(paths, options) if len(paths) == 2 else _metrics(paths[0], options)
    if options["as_json"]:
        click.echo(json.dumps(metrics, indent=2, ensure_ascii=False))
    if options["report"] is not None:
        _write_report(metrics, options["report"])


def _metrics(folder: Path, options: dict[str, Any]) -> dict[str, Any]:
    from edgeemg.cli.evaluating import evaluate_with_progress
    from edgeemg.errors import needs_extra

    with needs_extra("train", "evaluation"):
        import jinja2  # noqa: F401  # all named before any work is done
        import matplotlib as mpl  # noqa: F401
        import rich  # noqa: F401
        import sklearn  # noqa: F401
        import torch  # noqa: F401

    if options["keep"] is None:
        return evaluate_with_progress(folder, options)
    with fresh_folder(options["keep"], force=False, inputs=[folder]) as kept:
        metrics = evaluate_with_progress(folder, options, keep=kept)
    click.echo(f"the networks of the folds are in {options['keep']}", err=True)
    return metrics


def _write_report(metrics: dict[str, Any], report: Path) -> None:
    from edgeemg.pages.evaluation import evaluation_page
    from edgeemg.train.comparison.cells import write_whole

    write_whole(report, evaluation_page(metrics))
    click.echo(f"report written to {report}", err=True)


def _bundle_metrics(paths: tuple[Path, ...], options: dict[str, Any]) -> dict[str, Any]:
    from edgeemg.cli.event_evaluation import evaluate_bundle

    return evaluate_bundle(
        *paths,
        engine=options["engine"],
        precision=options["precision"],
        subjects=options["subject"],
        sessions=options["session"],
        tasks=options["task"],
        grace_ms=options["grace_ms"],
        unseen=options["unseen"],
    )


def _refuse_misplaced(ctx: click.Context, *, of_a_bundle: bool) -> None:
    """A usage error for an option of the other form: it would be ignored without a word."""
    for name in ctx.params:
        given = ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if given and name not in _OF_EITHER and (name in _OF_A_BUNDLE) != of_a_bundle:
            option = "--" + name.replace("_", "-")
            where = "without a BUNDLE" if of_a_bundle else "with a BUNDLE"
            raise click.UsageError(f"{option} goes {where}: leave it away")
