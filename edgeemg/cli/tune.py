"""`edgeemg tune`: a bundle and recordings in, decision settings for a rate of false alarms out."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgeemg.cli.numbers import POSITIVE, FiniteRange
from edgeemg.cli.training_options import which_recordings

if TYPE_CHECKING:
    from edgeemg.cli.tuning import TuningReport


@click.command(short_help="Decision settings that keep false activations at a target.")
@click.argument("bundle", metavar="BUNDLE", type=click.Path(path_type=Path))
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--false-per-hour", type=POSITIVE, required=True, help="False activations an hour of rest."
)
@click.option("--max-delay-ms", type=POSITIVE, help="Nine of ten hits within this from onset.")
@click.option(
    "--held-out",
    type=FiniteRange(0.1, 0.9),
    default=0.4,
    show_default=True,
    help="Last share of each recording that judges.",
)
@click.option(
    "--grace-ms",
    type=FiniteRange(min=0),
    help="A word counts so long after its end.  [one window, at most half a gap]",
)
@which_recordings
@click.option("--unseen", is_flag=True, help="The model was not trained on these recordings.")
@click.option("--engine", help="onnx or tflite; without it and --precision, as `run` picks.")
@click.option("--precision", help="float32 or int8; float32 where --engine is given.")
@click.option("--dry-run", is_flag=True, help="Tell, and write nothing.")
@click.option("--write-anyway", is_flag=True, help="Write settings that the held-out part refutes.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON on stdout.")
def tune(bundle: Path, folder: Path, **options: Any) -> None:
    """Choose decision settings on the first part in time of every recording, judge them on the
    rest, and write them into BUNDLE.

    Among settings that keep the target, those with the fewest words missed, taken for another or
    decided twice. Best on recordings that the model never saw, worn as it will be worn; rest
    counts, so leave long pauses. Says so where there are too few minutes to judge. The manifest
    before is kept beside the new one. Exit code 1, and nothing written, where no settings keep
    the target, or the held-out part refutes them.

    \b
    edgeemg tune bundles/cnn rec/new-day --false-per-hour 2
    edgeemg tune bundles/cnn rec --session 3 --unseen --false-per-hour 5 --max-delay-ms 900
    edgeemg tune bundles/cnn rec/new-day --false-per-hour 2 --precision int8 --dry-run --json
    """
    from edgeemg.cli.tuning import outcome, tell, tune_with_progress, write

    report = tune_with_progress(bundle, folder, options)
    tell(report)
    kept = write(report) if _is_to_be_written(report, options) else None
    if kept is not None:
        click.echo(f"{bundle}: new settings written; before: {kept.name}", err=True)
    if options["as_json"]:
        import json

        click.echo(json.dumps(report.plain(kept), indent=2, ensure_ascii=False, allow_nan=False))
    outcome(report, kept)


def _is_to_be_written(report: "TuningReport", options: dict[str, Any]) -> bool:
    if report.judgement is None or options["dry_run"]:
        return False
    return report.judgement.verdict != "exceeded" or options["write_anyway"]
