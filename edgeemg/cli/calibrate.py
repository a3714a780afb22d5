"""`edgeemg calibrate`: a bundle and a few repetitions of today in, a bundle for today out."""

from pathlib import Path
from typing import Any

import click

from edgeemg.cli.numbers import POSITIVE, FiniteRange
from edgeemg.cli.sensor_options import sensor_settings
from edgeemg.cli.training_options import which_recordings

_SECONDS = FiniteRange(min=0)
_OF_A_SENSOR = ("channels", "recordings", "at_once", "generated", "mains_hz")


@click.command(short_help="Fit a bundle to today's electrodes, on the device.")
@click.argument("bundle", metavar="BUNDLE", type=click.Path(path_type=Path))
@click.option("--port", help="Serial port of the sensor, as in /dev/ttyUSB0: prompts for words.")
@sensor_settings
@click.option(
    "--from",
    "source",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Recordings instead of a port: EMG-BIDS, or the journal of one.",
)
@which_recordings
@click.option(
    "--repetitions",
    type=click.IntRange(min=3),
    help="Of each word. Of recordings: the first ones.  [default: 5; of recordings all]",
)
@click.option("--out", type=click.Path(path_type=Path), help="[default: BUNDLE-calibrated-1, -2..]")
@click.option("--force", is_flag=True, help="Write the bundle even if it is not better.")
@click.option("--engine", help="onnx or tflite; without it and --precision, as `run` picks.")
@click.option("--precision", help="float32 or int8; float32 where --engine is given.")
@click.option("--channels", help="The sensor's inputs that the model reads, as in 1,2,3,4.")
@click.option(
    "--recordings",
    type=click.Path(path_type=Path),
    help="Where what is recorded is kept.  [default: BUNDLE-recordings]",
)
@click.option("--ready-s", type=_SECONDS, default=1.0, show_default=True, help="Word shown before.")
@click.option("--trial-s", type=POSITIVE, default=2.0, show_default=True, help="Time to say it.")
@click.option("--rest-s", type=_SECONDS, default=2.5, show_default=True, help="Relaxing after it.")
@click.option("--mains", "mains_hz", type=click.Choice(["50", "60"]), help="Hz.  [default: 50]")
@click.option("--generated", is_flag=True, help="The sensor plays generated EMG: say so for good.")
@click.option("--at-once", is_flag=True, help="Begin without waiting for a key.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON on stdout.")
def calibrate(bundle: Path, port: str | None, source: Path | None, **options: Any) -> None:
    """Ask for a few repetitions of every word, and fit the last layer of BUNDLE, and the scale of
    its channels, to how the electrodes sit today.

    It takes numpy and an engine, no torch and no workstation. What was fitted is judged on
    repetitions that were held out; where it is better than BUNDLE, a new bundle is written beside
    it. BUNDLE stays. Exit code 1, and nothing written, where it is not better.

    What is recorded is kept, as by `edgeemg record` (keys: space pauses, u takes a word back, q
    finishes). A bundle of an earlier edgeemg has to be exported again.

    \b
    edgeemg calibrate bundles/cnn --port /dev/ttyUSB0
    edgeemg calibrate bundles/cnn --port /dev/ttyUSB0 --device text --rate 1000 --repetitions 8
    edgeemg calibrate bundles/cnn --from rec/today --session 2
    edgeemg calibrate bundles/cnn --from bundles/cnn-recordings --json | jq .after
    """
    from edgeemg.cli.calibrating import Asked, calibrate_with_progress, outcome

    if (port is None) == (source is None):
        raise click.UsageError("give either --port (a sensor) or --from (recordings)")
    lone = [name for name in _OF_A_SENSOR if options[name]]
    if source is not None and lone:
        raise click.UsageError(f"--{lone[0].replace('_hz', '').replace('_', '-')} goes with --port")
    if port is not None and any(options[name] for name in ("subject", "session", "task")):
        raise click.UsageError("--subject, --session and --task go with --from")
    report = calibrate_with_progress(Asked(bundle, port, source, options))
    if options["as_json"]:
        import json

        click.echo(json.dumps(report.plain(), indent=2, ensure_ascii=False, allow_nan=False))
    outcome(report)
