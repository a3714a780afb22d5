"""`edgeemg profile`: a bundle in, what it costs on this machine or on emulated boards out."""

from pathlib import Path

import click
from click.core import ParameterSource

# options that say how to measure
_MEASURES = ("engine", "precision", "runs", "boards")


@click.command(short_help="What a bundle costs: on this machine, or on a board without one.")
@click.argument(
    "bundle", metavar="[BUNDLE|REPORT]", required=False, type=click.Path(path_type=Path)
)
@click.option("--engine", type=click.Choice(["onnx", "tflite"]), help="Only this engine's files.")
@click.option(
    "--precision", type=click.Choice(["float32", "int8"]), help="Only files of this precision."
)
@click.option(
    "--runs",
    type=click.IntRange(min=3),
    default=1500,
    show_default=True,
    help="Timed inferences of each file, over three rounds.",
)
@click.option(
    "--board",
    "boards",
    metavar="BOARD",
    multiple=True,
    help="Count on this board's emulated core instead: pi-zero-2w, pi-3b, pi-4, pi-5 or all. "
    "Again for more.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the whole report on stdout.")
@click.option("--html", type=click.Path(path_type=Path), help="Write the report as a page.")
@click.option(
    "--compare",
    metavar="A.json B.json",
    nargs=2,
    type=click.Path(path_type=Path),
    help="Two reports side by side: boards, or versions.",
)
def profile(
    bundle: Path | None,
    engine: str | None,
    precision: str | None,
    runs: int,
    boards: tuple[str, ...],
    as_json: bool,
    html: Path | None,
    compare: tuple[Path, Path] | None,
) -> None:
    """Measure what every model file of a bundle costs here: time, tails, memory, answers.

    Each file runs in fresh processes that take turns, one thread, on the bundle's golden inputs;
    then the stages of a hop, and for ONNX every operator, are timed. The figures are those of
    this machine and of no other. Exit code 1 when a file cannot run here or answers wrongly.

    With --board nothing is timed: instructions are counted on an emulated core, and times are
    estimates, intervals. That needs qemu-user and gcc.

    Given a REPORT that --json printed, it is shown again, and --html makes its page. Tables go to
    stderr, so that stdout is for --json.

    \b
    edgeemg profile bundles/cnn
    edgeemg profile bundles/cnn --engine tflite --runs 5000
    edgeemg profile bundles/cnn 2>&1 | less
    edgeemg profile bundles/cnn --json > cnn-on-pi-4.json
    edgeemg profile cnn-on-pi-4.json --html cnn-on-pi-4.html
    edgeemg profile bundles/cnn --board pi-4 --board pi-5
    edgeemg profile --compare cnn-on-pi-4.json cnn-on-pi-5.json
    """
    from edgeemg.cli.outputs import check_report
    from edgeemg.cli.profile_reports import Asked, compared, made

    check_report(html, option="--html")
    if compare:
        if bundle is not None or html:
            raise click.UsageError("--compare takes two reports, and no BUNDLE or --html")
        _refuse(*_MEASURES, why="goes with a BUNDLE, and --compare takes reports that are made")
        compared(*compare, as_json=as_json)
        return
    if bundle is None:
        raise click.UsageError("Missing argument 'BUNDLE'. Or give --compare A.json B.json")
    if bundle.is_file():
        _refuse(*_MEASURES, why=f"goes with a BUNDLE, and {bundle} is a report that is made")
    if boards:
        _refuse("runs", why="is of what is timed, and with --board nothing is")
    made(bundle, Asked(engine, precision, runs, boards), as_json=as_json, html=html)


def _refuse(*options: str, why: str) -> None:
    """click.UsageError where one of them was given: it would change nothing, and say so nowhere."""
    context = click.get_current_context()
    for one in context.command.params:
        given = context.get_parameter_source(one.name or "") is ParameterSource.COMMANDLINE
        if one.name in options and given:
            raise click.UsageError(f"{one.opts[0]} {why}: leave it out")
