"""`edgeemg profile`: a bundle in, what it costs on this machine or on emulated boards out."""

from pathlib import Path

import click


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

    Given a REPORT that --json printed, it is shown again, and --html makes its page.

    \b
    edgeemg profile bundles/cnn
    edgeemg profile bundles/cnn --engine tflite --runs 5000
    edgeemg profile bundles/cnn --json > cnn-on-pi-4.json
    edgeemg profile cnn-on-pi-4.json --html cnn-on-pi-4.html
    edgeemg profile bundles/cnn --board pi-4 --board pi-5
    edgeemg profile --compare cnn-on-pi-4.json cnn-on-pi-5.json
    """
    from edgeemg.cli.outputs import check_report
    from edgeemg.cli.profile_reports import Asked, compared, made

    check_report(html, option="--html")
    if compare:
        if bundle is not None or boards or html:
            raise click.UsageError("--compare takes two reports, and no BUNDLE, --board or --html")
        compared(*compare, as_json=as_json)
        return
    if bundle is None:
        raise click.UsageError("Missing argument 'BUNDLE'. Or give --compare A.json B.json")
    made(bundle, Asked(engine, precision, runs, boards), as_json=as_json, html=html)
