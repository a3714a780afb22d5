"""`edgeemg run`: a bundle and a sensor in, decisions out."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgeemg.cli.numbers import FRACTION, POSITIVE, FiniteRange
from edgeemg.cli.sensor_options import device_of, sensor_settings

if TYPE_CHECKING:
    from edgeemg.manifest import DecisionSettings, Manifest


@click.command()
@click.argument("bundle", metavar="BUNDLE", type=click.Path(path_type=Path))
@click.option("--port", help="Serial port of the sensor, as in /dev/ttyUSB0.")
@sensor_settings
@click.option("--recording", type=click.Path(path_type=Path), help="A *_emg.bdf instead of a port.")
@click.option("--engine", help="onnx or tflite.")
@click.option("--precision", help="float32 or int8; float32 where --engine is given.")
@click.option("--channels", help="The sensor's inputs that the model reads, as in 1,2,3,4.")
@click.option("--sink", "sinks", multiple=True, help="jsonl (stdout) or jsonl:FILE; repeatable.")
@click.option("--every-hop", is_flag=True, help="Tell what every hop says, rest and doubt too.")
@click.option("--seconds", type=POSITIVE, help="Stop after this.")
@click.option("--no-reconnect", is_flag=True, help="End, with exit code 2, when the sensor goes.")
@click.option("--threshold", type=FRACTION, help="Least probability of a decision.")
@click.option("--smoothing-hops", type=click.IntRange(min=1), help="Hops to average over.")
@click.option("--agreement-hops", type=click.IntRange(min=1), help="Hops that must agree.")
@click.option("--refractory-ms", type=FiniteRange(min=0), help="Quiet time after a decision.")
def run(bundle: Path, port: str | None, recording: Path | None, **options: Any) -> None:
    """Decide live from a sensor, or from a recording of one; one JSON object a line on stdout.

    Without --engine and --precision, it runs the file that `edgeemg export --board` chose for the
    board that this is, or, on a machine that it did not measure, the one file that was chosen where
    that was for one board only; else the first engine that is installed, in float32. Which, and
    why, is told at the start.

    A sensor that is unplugged is waited for, for ever, and decisions go on when it is back.
    Counters of samples, losses and latency go to stderr at the end. SIGINT and SIGTERM stop the
    sensor first. Decision settings come from the bundle; the flags override them.

    \b
    edgeemg run bundles/cnn --port /dev/ttyUSB0 --device cyton
    edgeemg run bundles/cnn --port /dev/ttyUSB0 --device text --rate 1000
    edgeemg run bundles/cnn --port /dev/ttyUSB0 --engine tflite --precision int8
    edgeemg run bundles/cnn --recording rec/sub-01/ses-1/emg/sub-01_ses-1_task-silent_emg.bdf
    """
    from edgeemg.cli.running import Stop, decide, open_sinks
    from edgeemg.runtime.bundle import open_bundle

    if (port is None) == (recording is None):
        raise click.UsageError("give either --port (a sensor) or --recording (a file)")
    if recording is not None and options["channels"] is not None:
        raise click.UsageError("--channels names inputs of a sensor: it goes with --port")
    device = device_of(options)
    opened = open_bundle(bundle)
    settings = _settings(opened.manifest, options)
    with Stop(options["seconds"]) as stop:
        decide(
            opened,
            port=port,
            recording=recording,
            device=device,
            reconnect=not options["no_reconnect"],
            engine_name=options["engine"],
            precision=options["precision"],
            channels=options["channels"],
            sinks=open_sinks(options["sinks"] or ("jsonl",)),
            every_hop=options["every_hop"],
            settings=settings,
            stop=stop,
        )


def _settings(manifest: "Manifest", options: dict[str, Any]) -> "DecisionSettings":
    """The manifest's decision settings with the flags that were given."""
    given = {
        name: options[name]
        for name in ("threshold", "smoothing_hops", "agreement_hops", "refractory_ms")
        if options[name] is not None
    }
    if "threshold" in given:
        given["thresholds"] = {}  # one threshold for all was asked for
    return replace(manifest.decision, **given)
