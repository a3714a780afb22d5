"""Which USB adapter the sensor hangs on in, the text of its udev rules out.

udev(7) says how rules are written; ID_MM_DEVICE_IGNORE and ID_MM_PORT_IGNORE are ModemManager's
(its reference manual, "udev rules"); latency_timer is the kernel's ftdi_sio.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from string import ascii_letters, digits

_PLAIN = ascii_letters + digits + "._:-"  # everything else may mean something in a pattern


@dataclass(frozen=True, slots=True)
class Adapter:
    """A USB adapter: vendor and product as four hexadecimal digits, and its serial number."""

    vendor: str
    product: str
    serial: str = ""

    def __str__(self) -> str:
        number = f", number {self.serial}" if self.serial else ""
        return f"{self.vendor}:{self.product}{number}"


def adapter_of(port: Path) -> Adapter | None:
    """The adapter of a port, by whatever name; None where it is none, or not plugged in."""
    from serial.tools import list_ports

    real = os.path.realpath(port)  # of a link to itself, too
    for found in list_ports.comports():
        if found.device == real and found.vid is not None:
            return Adapter(f"{found.vid:04x}", f"{found.pid:04x}", found.serial_number or "")
    return None


def rules_text(name: str, adapter: Adapter | None, *, group: str, types: bool) -> str:
    """The rules: a stable name for the adapter, if it is known, and calm for every one.

    group  may open the ports
    types  whether a sink types on a keyboard of its own
    """
    parts = [_HEAD.format(name=name)]
    parts.append(_UNKNOWN if adapter is None else _known(name, adapter, group))
    parts.append(_EVERY)
    if types:
        parts.append(_UINPUT)
    parts.append(f'LABEL="{name}_end"\n')
    return "\n".join(parts)


def _known(name: str, adapter: Adapter, group: str) -> str:
    which = f'ATTRS{{idVendor}}=="{adapter.vendor}", ATTRS{{idProduct}}=="{adapter.product}"'
    if adapter.serial:
        serial = "".join(one if one in _PLAIN else "?" for one in adapter.serial)
        which += f', ATTRS{{serial}}=="{serial}"'
    return _KNOWN.format(name=name, which=which, usb=which.replace("ATTRS", "ATTR"), group=group)


_HEAD = """\
# the sensor of {name}.service; read again with: udevadm control --reload && udevadm trigger
ACTION=="remove", GOTO="{name}_end"
"""
_UNKNOWN = """\
# the sensor was not plugged in when this was written, so it has no name of its own
"""
_KNOWN = """\
# the sensor: one name in every socket, its group, and the service starts when it comes
SUBSYSTEM=="tty", {which}, \\
  SYMLINK+="{name}-sensor", GROUP="{group}", MODE="0660", TAG+="systemd", \\
  ENV{{SYSTEMD_WANTS}}+="{name}.service", ENV{{ID_MM_PORT_IGNORE}}="1"
# ModemManager must not talk to it
SUBSYSTEM=="usb", ENV{{DEVTYPE}}=="usb_device", {usb}, ENV{{ID_MM_DEVICE_IGNORE}}="1"
"""
_EVERY = """\
# FTDI adapters gather bytes for 16 ms unless they are told not to
SUBSYSTEM=="usb-serial", DRIVERS=="ftdi_sio", TEST=="latency_timer", ATTR{latency_timer}="1"
"""
_UINPUT = """\
# a sink types
SUBSYSTEM=="misc", KERNEL=="uinput", GROUP="input", MODE="0660", OPTIONS+="static_node=uinput"
"""
