"""One module a sensor: its wire format as a pure parser, and a short table of facts."""

from collections.abc import Callable

from edgeemg.errors import PortError
from firmware_bridge.devices import (
    bitalino,
    chords,
    cyton,
    cyton_daisy,
    edgeemg,
    freeeeg32,
    spikerbox,
    text,
    umyo,
)
from firmware_bridge.frames import Device, Wishes

DEVICES: dict[str, Callable[[Wishes], Device]] = {
    "edgeemg": edgeemg.edgeemg,
    "cyton": cyton.cyton,
    "cyton-daisy": cyton_daisy.cyton_daisy,
    "chords": chords.chords,
    "text": text.text,
    "bitalino": bitalino.bitalino,
    "freeeeg32": freeeeg32.freeeeg32,
    "spikerbox": spikerbox.spikerbox,
    "umyo": umyo.umyo,
}


def find_device(name: str, wishes: Wishes = Wishes()) -> Device:  # noqa: B008  # it is frozen
    """The facts of the device of this name, set as wished.

    Raises PortError where it is not known, or cannot be set so.
    """
    if name not in DEVICES:
        raise PortError(f"no device is called {name!r}; known are: {', '.join(DEVICES)}")
    return DEVICES[name](wishes)
