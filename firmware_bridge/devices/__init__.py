"""One module a sensor: its wire format as a pure parser, and a short table of facts."""

from edgeemg.errors import PortError
from firmware_bridge.devices.cyton import CYTON
from firmware_bridge.frames import Device

DEVICES = {"cyton": CYTON}


def find_device(name: str) -> Device:
    """The facts of the device of this name. Raises PortError where it is not known."""
    if name not in DEVICES:
        raise PortError(f"no device is called {name!r}; known are: {', '.join(DEVICES)}")
    return DEVICES[name]
