"""The options that say which sensor is on which port: one set of them for every verb."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from edgeemg.cli.numbers import POSITIVE

if TYPE_CHECKING:
    from firmware_bridge.frames import Device, Wishes

_Command = TypeVar("_Command", bound=Callable[..., Any])

_NAMES = ("rate", "gain", "sensor_channels")


def sensor_settings(command: _Command) -> _Command:
    """Add --device, --rate, --gain and --sensor-channels; `device_of` reads them."""
    for option in reversed(
        (
            click.option(
                "--device",
                default="cyton",
                show_default=True,
                help="Which sensor: edgeemg, cyton, cyton-daisy, chords, text, bitalino, "
                "freeeeg32, spikerbox or umyo.",
            ),
            click.option(
                "--rate", type=POSITIVE, help="Samples a second, where the sensor does not say."
            ),
            click.option(
                "--gain", type=click.IntRange(min=1), help="Its amplifier's, if it is settable."
            ),
            click.option(
                "--sensor-channels",
                type=click.IntRange(min=1),
                help="How many it sends, where it does not say.",
            ),
        )
    ):
        command = option(command)
    return command


def device_of(options: dict[str, Any]) -> "Device":
    """The device that these options describe; takes them out of `options`.

    Raises PortError for an unknown name, or a setting that the device does not have.
    """
    from firmware_bridge.devices import find_device

    name = options.pop("device")
    return find_device(name, wishes_of(options))


def wishes_of(options: dict[str, Any]) -> "Wishes":
    """What the options ask of the sensor; takes them out of `options`."""
    from firmware_bridge.frames import Wishes

    rate, gain, channels = (options.pop(name) for name in _NAMES)
    return Wishes(rate_hz=rate, gain=gain, channels=channels)
