"""What happened in, lines on stderr out: what runs, warnings, and the counters at the end."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from edgeemg.cli.loading import Loaded
from edgeemg.cli.sinks import sink_counters
from edgeemg.runtime.health import Health
from edgeemg.runtime.sinks import Sink

if TYPE_CHECKING:
    from firmware_bridge.sensor import Sensor


def announce(loaded: Loaded, source: str, inputs: Sequence[int] = ()) -> None:
    """What runs, on what; a bundle that failed a gate says so each time.

    inputs  of the sensor, from 0; people count from 1
    """
    numbers = f", inputs {','.join(str(one + 1) for one in inputs)}" if inputs else ""
    say(f"{loaded.about}; {source}{numbers}")
    if loaded.manifest.failed_gates:
        failed = "; ".join(loaded.manifest.failed_gates)
        warn(f"this bundle was exported with --allow-fail: {failed}")


def say(line: str) -> None:
    """A line on stderr, for people. Where nobody reads it, or the disk is full, decisions go on."""
    with suppress(OSError, ValueError):
        click.echo(line, err=True)


def warn(text: str) -> None:
    """One line that a person should know of."""
    say(f"warning: {text}")


def named(sensor: "Sensor") -> str:
    """What it is, as far as it says so itself, and where."""
    about = f" ({sensor.about})" if sensor.about else ""
    return f"{sensor.device.title}{about} on {sensor.link}"


def tell_counters(health: Health, sinks: Sequence[Sink], sensor: "Sensor | None" = None) -> None:
    """Everything that was counted, in one line; and whether the sensor was there at the end."""
    counters = {**counted(health, sensor), **sink_counters(sinks)}
    say("; ".join(f"{name} {n}" for name, n in counters.items()))
    if sensor is not None and sensor.state != "connected":
        warn(f"the sensor was {sensor.state} at the end, for {sensor.state_s:.1f} s")


def counted(health: Health, sensor: "Sensor | None") -> Mapping[str, float | int]:
    """What the wire and the loop have counted so far."""
    wire = {} if sensor is None else sensor.counters.as_dict()
    return {**{f"wire_{name}": n for name, n in wire.items()}, **health.summary()}
