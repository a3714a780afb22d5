"""A port and a model in; an open sensor, and which of its inputs the model reads, out."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgeemg.cli.telling import say, warn
from edgeemg.dsp.channels import sensor_inputs
from edgeemg.errors import EngineError, PortError
from edgeemg.manifest import Manifest
from edgeemg.runtime.loop import check_fits

if TYPE_CHECKING:
    from firmware_bridge.frames import Device, Stream
    from firmware_bridge.sensor import Sensor

_AGAIN_S = 1.0  # between two tries to open a sensor that is not there yet
_NAP_S = 0.05


@dataclass(frozen=True, slots=True)
class Line:
    """Which sensor, and what to do where it is not there.

    reconnect  wait for it when it goes; False: PortError
    wait       wait for it at the start too
    channels   its inputs that the model reads, as in 1,2,3,4; None: by the channels' names
    """

    port: str
    device: "Device"
    reconnect: bool = True
    wait: bool = False
    channels: str | None = None


def open_line(
    line: Line, *, stopped: Callable[[], bool], waiting: Callable[[str], None]
) -> "Sensor | None":
    """The sensor, streaming; None where it was to stop before.

    stopped  asked every 50 ms
    waiting  is told why it is waited for, each time that the reason is another one
    PortError where it is not to be waited for and cannot be opened, or stays silent.
    """
    from firmware_bridge.greeting import StoppedError
    from firmware_bridge.sensor import open_sensor

    say(f"opening {line.device.title} on {line.port} ...")
    told = ""
    while not stopped():
        try:
            return open_sensor(
                line.port, line.device, tell=warn, reconnect=line.reconnect, stopped=stopped
            )
        except StoppedError:
            return None
        except PortError as error:
            if not line.wait:
                raise
            if str(error) != told:
                told = str(error)
                waiting(told)
        _nap(stopped)
    return None


def _nap(stopped: Callable[[], bool]) -> None:
    ends_s = time.monotonic() + _AGAIN_S
    while time.monotonic() < ends_s and not stopped():
        time.sleep(_NAP_S)


def fitting_inputs(manifest: Manifest, line: Line, sensor: "Sensor") -> tuple[int, ...]:
    """The sensor's inputs, from 0, that the model reads; EngineError where they do not fit."""
    return _fitting(manifest, line.channels, sensor.stream)


def check_line(manifest: Manifest, line: Line) -> None:
    """EngineError for what cannot fit, as far as is known before the sensor answers."""
    stream = line.device.stream
    if stream is not None:
        _fitting(manifest, line.channels, stream)
    elif line.channels is not None:
        _chosen(manifest, line.channels, n_inputs=None)


def model_inputs(manifest: Manifest, asked: str | None, *, n_inputs: int) -> tuple[int, ...]:
    """The sensor's inputs, from 0, that the model reads; `asked` is a list such as 1,2,3,4."""
    if asked is None:
        names = [channel.name for channel in manifest.channels]
        return sensor_inputs(names, n_inputs=n_inputs)
    return _chosen(manifest, asked, n_inputs=n_inputs)


def _fitting(manifest: Manifest, asked: str | None, stream: "Stream") -> tuple[int, ...]:
    inputs = model_inputs(manifest, asked, n_inputs=stream.n_channels)
    check_fits(manifest, len(inputs), stream.sample_rate_hz)
    return inputs


def _chosen(manifest: Manifest, asked: str, *, n_inputs: int | None) -> tuple[int, ...]:
    """As asked for; `n_inputs` None: nobody knows yet how many there are."""
    names = [channel.name for channel in manifest.channels]
    try:
        chosen = tuple(int(one) - 1 for one in asked.split(","))
    except ValueError as error:
        raise EngineError(f"--channels must be numbers such as 1,2,3,4, got {asked!r}") from error
    there = range(max(chosen) + 1 if n_inputs is None else n_inputs)
    distinct = set(chosen).intersection(there)
    if not len(chosen) == len(distinct) == len(names):
        upwards = "from 1" if n_inputs is None else f"from 1 to {n_inputs}"
        raise EngineError(
            f"--channels must name {len(names)} inputs {upwards}, each once "
            f"(for {', '.join(names)}), got {asked!r}"
        )
    return chosen
