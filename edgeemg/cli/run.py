"""`edgeemg run`: a bundle and a sensor in, decisions out."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgeemg.cli.numbers import FRACTION, POSITIVE, FiniteRange
from edgeemg.cli.sensor_options import device_of, sensor_settings

if TYPE_CHECKING:
    from edgeemg.cli.live import Monitor
    from edgeemg.cli.loading import Model
    from edgeemg.cli.opening import Line
    from edgeemg.manifest import DecisionSettings, Manifest
    from firmware_bridge.frames import Device

_OF_A_SENSOR = ("channels", "no_reconnect", "wait", "monitor", "monitor_token_file")


@click.command()
@click.argument("bundle", metavar="BUNDLE", type=click.Path(path_type=Path))
@click.option("--port", help="Serial port of the sensor, as in /dev/ttyUSB0.")
@sensor_settings
@click.option("--recording", type=click.Path(path_type=Path), help="A *_emg.bdf instead of a port.")
@click.option("--engine", help="onnx or tflite.")
@click.option("--precision", help="float32 or int8; float32 where --engine is given.")
@click.option("--channels", help="The sensor's inputs that the model reads, as in 1,2,3,4.")
@click.option("--sink", "sinks", multiple=True, help="Where decisions go; repeatable; see below.")
@click.option("--every-hop", is_flag=True, help="Tell what every hop says, rest and doubt too.")
@click.option("--seconds", type=POSITIVE, help="Stop after this: see below.")
@click.option("--no-reconnect", is_flag=True, help="End, with exit code 2, when the sensor goes.")
@click.option("--wait", is_flag=True, help="Wait, for ever, for a sensor that is not there yet.")
@click.option(
    "--monitor",
    is_flag=False,
    flag_value="",
    metavar="[HOST:PORT]",
    help="Serve a page that shows signals, contacts and decisions; 127.0.0.1:8766 by default.",
)
@click.option(
    "--monitor-token-file",
    type=click.Path(path_type=Path),
    help="Holds the token that a viewer from another machine has to know.",
)
@click.option("--threshold", type=FRACTION, help="Least probability of a decision.")
@click.option("--smoothing-hops", type=click.IntRange(min=1), help="Hops to average over.")
@click.option("--agreement-hops", type=click.IntRange(min=1), help="Hops that must agree.")
@click.option("--refractory-ms", type=FiniteRange(min=0), help="Quiet time after a decision.")
def run(bundle: Path, port: str | None, recording: Path | None, **options: Any) -> None:
    """Decide live from a sensor, or from a recording of one; one JSON object a line on stdout.

    --seconds counts from a sensor's first sample by the clock; of a recording it is its first so
    many seconds, however fast they are played.

    Without --engine and --precision, it runs the file that `edgeemg export --board` chose for the
    board that this is, or, on a machine that it did not measure, the one file that was chosen where
    that was for one board only; else the first engine that is installed, in float32. Which, and
    why, is told at the start.

    A sensor that is unplugged is waited for, for ever, and decisions go on when it is back.
    Counters of samples, losses and latency go to stderr at the end. SIGINT and SIGTERM stop the
    sensor first; SIGHUP, where it runs without a terminal, loads the bundle again and loses no
    sample. Decision settings come from the bundle; the flags override them.

    A recording is played as fast as it goes, and loses nothing: exit code 1 where a sink did, but
    for ws, which serves whoever is connected.

    \b
    --sink jsonl                       one JSON object a line on stdout: what is done without it
    --sink jsonl:FILE                  the same at the end of a file
    --sink mqtt://HOST:1883/TOPIC      an MQTT broker; mqtts:// with TLS
    --sink ws://127.0.0.1:8765         a WebSocket server
    --sink udp://HOST:PORT             one datagram a decision
    --sink 'exec:COMMAND'              a program a decision
    --sink keys:yes=KEY_ENTER          a keyboard, by Linux uinput

    \b
    edgeemg run bundles/cnn --port /dev/ttyUSB0 --device cyton
    edgeemg run bundles/cnn --port /dev/ttyUSB0 --device text --rate 1000
    edgeemg run bundles/cnn --port /dev/ttyUSB0 --engine tflite --precision int8
    edgeemg run bundles/cnn --port /dev/ttyUSB0 --monitor
    edgeemg run bundles/cnn --recording rec/sub-01/ses-1/emg/sub-01_ses-1_task-silent_emg.bdf
    """
    from edgeemg.cli.live import Live
    from edgeemg.cli.running import Played, decide_live, decide_recorded
    from edgeemg.cli.sinks import open_sinks
    from edgeemg.cli.stopping import Stop
    from edgeemg.cli.telling import warn
    from edgeemg.manifest import read_manifest
    from edgeemg.runtime.health import Health

    if (port is None) == (recording is None):
        raise click.UsageError("give either --port (a sensor) or --recording (a file)")
    lone = [name for name in _OF_A_SENSOR if options[name] not in (None, False)]
    if recording is not None and lone:
        raise click.UsageError(f"--{lone[0].replace('_', '-')} goes with --port")
    device = device_of(options)
    model = model_of(bundle, options)
    monitor = _monitor(options)
    seconds = options["seconds"]
    with Stop(seconds if recording is None else None, reloads=recording is None) as stop:
        sinks = open_sinks(
            options["sinks"] or ("jsonl",),
            manifest=read_manifest(bundle),
            lossless=recording is not None,
            tell=warn,
            stopped=lambda: stop.asked,
            every_hop=options["every_hop"],
        )
        if recording is not None:
            every_hop, played = options["every_hop"], Played(recording, seconds)
            decide_recorded(model, played, sinks=sinks, every_hop=every_hop, stop=stop)
            return
        assert port is not None, "one of the two was given"
        line = line_of(port, device, options)
        decide_live(Live(model, line, sinks, Health(), stop, options["every_hop"], monitor))


def model_of(bundle: Path, options: Mapping[str, Any]) -> "Model":
    """The bundle, and how to run it; `options` of `run`."""
    from edgeemg.cli.loading import Model

    engine, precision = options["engine"], options["precision"]
    return Model(bundle, engine, precision, partial(_settings, options=options))


def line_of(port: str, device: "Device", options: Mapping[str, Any]) -> "Line":
    """The sensor, and what to do where it is not there; `options` of `run`."""
    from edgeemg.cli.opening import Line

    return Line(
        port,
        device,
        reconnect=not options["no_reconnect"],
        wait=options["wait"],
        channels=options["channels"],
    )


def _monitor(options: dict[str, Any]) -> "Monitor | None":
    """The page that was asked for, if any; refused here, before a sensor is waited for."""
    address, token_file = options["monitor"], options["monitor_token_file"]
    if address is None:
        return None
    from edgeemg.cli.monitoring import ModelPage, monitor_access

    return partial(ModelPage, monitor_access(address, token_file=token_file))


def _settings(manifest: "Manifest", options: Mapping[str, Any]) -> "DecisionSettings":
    """The manifest's decision settings with the flags that were given."""
    given = {
        name: options[name]
        for name in ("threshold", "smoothing_hops", "agreement_hops", "refractory_ms")
        if options[name] is not None
    }
    if "threshold" in given:
        given["thresholds"] = {}  # one threshold for all was asked for
    return replace(manifest.decision, **given)
