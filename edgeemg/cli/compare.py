"""`edgeemg compare`: recordings and a grid of settings in, a table, plots and a JSON file out."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from edgeemg.cli.numbers import POSITIVE, FiniteRange
from edgeemg.cli.outputs import check_report
from edgeemg.cli.training_options import SEED, by_protocol, which_recordings
from edgeemg.train.settings import EvaluationSettings

_DEFAULT = EvaluationSettings()


def _several(
    kind: "click.ParamType[Any]",
) -> Callable[[click.Context, click.Parameter, str], tuple[Any, ...]]:
    """Values of one kind with commas between them: a tuple in which each stands once."""

    def parse(ctx: click.Context, param: click.Parameter, text: str) -> tuple[Any, ...]:
        parts = [part.strip() for part in text.split(",")]
        if not all(parts):
            raise click.BadParameter(f"{text!r} has an empty place between commas", ctx, param)
        return tuple(dict.fromkeys(kind.convert(part, param, ctx) for part in parts))

    return parse


@click.command(short_help="Models x front ends x windows x amounts of data.")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--models",
    metavar="A,B,...",
    callback=_several(click.STRING),
    default="cnn,transformer,lda",
    show_default=True,
    help="Which models; see MODELS below.",
)
@click.option(
    "--front-ends",
    metavar="A,B",
    callback=_several(click.STRING),
    default=_DEFAULT.train.front_end,
    show_default=True,
    help="Filters: broad, split, or both.",
)
@click.option(
    "--windows-ms",
    metavar="MS,...",
    callback=_several(POSITIVE),
    default=f"{_DEFAULT.train.window_ms:g}",
    show_default=True,
    help="Window lengths.",
)
@click.option(
    "--fractions",
    metavar="0..1,...",
    callback=_several(FiniteRange(0, 1, min_open=True)),
    default="1",
    show_default=True,
    help="Shares of each fold's training trials to use.",
)
@click.option(
    "--seeds",
    metavar="N,...",
    callback=_several(SEED),
    default="0",
    show_default=True,
    help="Every cell once for each; their mean is shown.",
)
@by_protocol
@which_recordings
@click.option(
    "--hop-ms",
    type=POSITIVE,
    default=_DEFAULT.train.hop_ms,
    show_default=True,
    help="Window to window.",
)
@click.option(
    "--epochs",
    type=click.IntRange(min=1),
    default=_DEFAULT.train.fit.epochs,
    show_default=True,
    help="Passes over the training trials.",
)
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Where cells and plots are kept."
)
@click.option(
    "--jobs",
    type=click.IntRange(1, 256),
    help="Cells side by side on this machine; one a core if not given.",
)
@click.option("--ray", "address", metavar="ADDRESS", help="Run the cells on this Ray cluster.")
@click.option("--report", type=click.Path(path_type=Path), help="Write a page (HTML) with plots.")
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON on stdout.")
def compare(folder: Path, address: str | None, jobs: int | None, **options: Any) -> None:
    """Which model, front end and window are best on the recordings in DIR, and at what cost?

    Every combination is a cell, evaluated as `edgeemg evaluate` would, one thread each, and kept
    in --out: the same command goes on where it was stopped, and a larger grid runs only what is
    new. A cell that cannot run, or a worker that dies, costs only that cell; exit code 1 then.

    \b
    MODELS: cnn, transformer, hybrid, tcn, causal-cnn, gru, fft-cnn, lda, simple-cnn,
      patch-transformer, simple-transformer

    \b
    edgeemg compare rec/somach --models cnn,transformer,lda --out cmp --report cmp.html
    edgeemg compare rec/somach --models cnn,lda --fractions 0.1,0.25,0.5,1 --out cmp
    edgeemg compare rec/somach --models cnn --windows-ms 400,800,1200 --seeds 0,1,2 --out cmp
    edgeemg compare rec/subvocal --per-person --task spoken --ray 10.0.0.5:6379 --out cmp
    """
    if address is not None and jobs is not None:
        raise click.UsageError("--jobs is for this machine, --ray for a cluster: leave one away")
    check_report(options["report"])
    from edgeemg.errors import GateError, needs_extra

    if address is not None:
        with needs_extra("sweep", "compare --ray"):
            import ray  # noqa: F401  # all named before any work is done
    with needs_extra("train", "compare"):
        import jinja2  # noqa: F401
        import matplotlib as mpl  # noqa: F401
        import rich  # noqa: F401
        import sklearn  # noqa: F401
        import torch  # noqa: F401

    from edgeemg.cli.comparing import compare_with_progress, tell_comparison, write_pictures

    cores = len(os.sched_getaffinity(0))
    whole = compare_with_progress(folder, options, jobs=jobs or cores, address=address)
    tell_comparison(whole)
    write_pictures(whole, options["out"], options["report"])
    if options["as_json"]:
        click.echo(json.dumps(whole, indent=1, ensure_ascii=False))
    if lacking := len(whole["lacking"]):
        raise GateError(
            f"{lacking} cells are lacking, for the reasons above: mend what they name, and run "
            "the same again; the others are kept"
        )
