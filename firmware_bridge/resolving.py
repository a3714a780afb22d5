"""A port's name in, the name under which the same plug is found again, and its timer, out.

A USB adapter that is unplugged and plugged in again may become another ttyUSBn. The links that
udev makes below /dev/serial stay: by-id names the adapter by its serial number, by-path the
socket that it is in. Kernel and udev: Documentation/admin-guide/devices, 60-serial.rules.
"""

from contextlib import suppress
from pathlib import Path

_LINKS = Path("/dev/serial")
_ADAPTERS = Path("/sys/class/tty")


def stable_name(name: str, *, links: Path = _LINKS, adapters: Path = _ADAPTERS) -> str:
    """The by-id name of this port, its by-path name, or `name` where it has neither.

    An adapter without a serial number (CH340) shares its by-id name with all of its kind: it is
    known by its socket. A name that is a link already is the user's own choice, and stays.
    """
    port = Path(name)
    if not name or port.is_symlink() or not port.exists():
        return name
    kinds = ("by-id", "by-path") if _has_serial_number(port, adapters) else ("by-path",)
    for kind in kinds:
        with suppress(OSError):  # it may go while we look
            for link in sorted((links / kind).iterdir()):
                if link.resolve() == port.resolve():
                    return str(link)
    return name


def latency_timer(name: str, *, adapters: Path = _ADAPTERS) -> Path | None:
    """The file that holds an FTDI adapter's latency timer in ms; None for other ports.

    The chip sends on what it has when 62 bytes are there, or when this timer has run out.
    """
    timer = adapters / Path(name).resolve().name / "device" / "latency_timer"
    return timer if timer.is_file() else None


def latency_timer_ms(name: str, *, adapters: Path = _ADAPTERS) -> int | None:
    """How long an FTDI adapter gathers bytes before it sends them on; None for other ports."""
    timer = latency_timer(name, adapters=adapters)
    if timer is None:
        return None
    try:
        return int(timer.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def _has_serial_number(port: Path, adapters: Path) -> bool:
    """Whether the USB device that this port belongs to has one: two of a kind then differ."""
    with suppress(OSError):
        for folder in (adapters / port.name / "device").resolve(strict=True).parents:
            if (folder / "idVendor").is_file():
                return (folder / "serial").is_file()
    return True
