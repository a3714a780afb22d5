"""`edgeemg profile`: a bundle in, what it costs on this machine out."""

from pathlib import Path

import click


@click.command(short_help="Latency and memory of a bundle on this machine.")
@click.argument("bundle", metavar="BUNDLE", type=click.Path(path_type=Path))
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
@click.option("--json", "as_json", is_flag=True, help="Print the whole report on stdout.")
def profile(
    bundle: Path, engine: str | None, precision: str | None, runs: int, as_json: bool
) -> None:
    """Measure what every model file of a bundle costs here: time, tails, memory, answers.

    Each file runs in fresh processes that take turns, one thread, on the bundle's golden inputs.
    The figures are those of this machine and of no other. Exit code 1 when a file cannot run
    here or answers wrongly.

    \b
    edgeemg profile bundles/cnn
    edgeemg profile bundles/cnn --engine tflite --runs 5000
    edgeemg profile bundles/cnn --json > cnn-on-pi-4.json
    """
    from edgeemg.cli.profiling import profile_with_progress
    from edgeemg.errors import GateError
    from edgeemg.profiler.report import failures

    report = profile_with_progress(bundle, engine=engine, precision=precision, runs=runs)
    if as_json:
        import json

        click.echo(json.dumps(report.plain(), indent=2, allow_nan=False))
    if failed := failures(report):
        raise GateError(f"{bundle}: {'; '.join(failed)}. Use the files that are right here")
