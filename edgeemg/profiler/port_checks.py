"""The serial ports of this system in; who may open them, and who disturbs them, out."""

import grp
import os
import pwd
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from serial.tools import list_ports

from edgeemg.profiler.board import ROOT
from edgeemg.profiler.checks import Check
from edgeemg.profiler.meddler_checks import meddler_checks
from edgeemg.profiler.port_holders import Holder, holders_of
from edgeemg.profiler.service_checks import service_on
from firmware_bridge.resolving import latency_timer_ms

_GROUPS = ("dialout", "uucp")  # who may use serial ports: Debian and Fedora, Arch


def port_checks(root: Path = ROOT) -> Iterator[Check]:
    """Each port that is there, the right to open it, and programs that get in the way."""
    ports = sorted(list_ports.comports(), key=lambda port: port.device)
    if not ports:
        remedy = "plug the sensor in; a cable that only charges shows no port"
        yield Check("serial ports", "warn", "none is there", remedy)
        yield from _group_check()
    for port in ports:
        on_usb = port.vid is not None  # others may be the console, or Bluetooth's
        yield port_check(Path(port.device), port.description, needed=on_usb, root=root)
    adapters = [(port.vid, port.pid) for port in ports if port.vid and port.pid]
    yield from meddler_checks(adapters, root)


def port_check(
    device: Path, description: str = "", *, needed: bool = True, root: Path = ROOT
) -> Check:
    """Whether this user may open the device; the remedy names the device's own group.

    needed  False for a port that is hardly the sensor's: then no permission is a warning
    """
    about = description if description not in ("", "n/a", device.name) else "serial port"
    timer = latency_timer_ms(str(device), adapters=root / "sys/class/tty")
    if timer is not None and timer > 1:
        about += f", latency timer {timer} ms (`edgeemg run` asks for 1 ms)"
    holders = holders_of(device, root)
    if holders:
        about += f", held by {named(holders)}"
    if not os.access(device, os.R_OK | os.W_OK, effective_ids=True):
        status: Literal["warn", "fail"] = "fail" if needed else "warn"
        return Check(str(device), status, f"{about}: no permission", _how_to_join(device))
    others = [one for one in holders if not one.is_ours]
    if others and needed:
        return Check(str(device), "warn", about, how_to_free(others))
    return Check(str(device), "ok", about)


def busy_check(name: str, device: Path, *, root: Path = ROOT) -> Check:
    """What to say of a port that is held, where no holder is seen: a service's is hidden.

    name  of the check
    """
    service = service_on(device, root)
    if service is not None:
        return Check(name, "ok", f"in use by the service {service}")
    if os.geteuid() == 0:
        return Check(name, "fail", "busy, and nobody is seen who holds it", "plug it in again")
    remedy = f'sudo "$(command -v edgeemg)" doctor --port {device} says who'
    return Check(name, "warn", "busy: a program of another user holds it", remedy)


def named(holders: Sequence[Holder]) -> str:
    """Programs, in one line."""
    return ", ".join(map(str, holders))


def how_to_free(holders: Sequence[Holder]) -> str:
    """What to do where these programs hold the port of the sensor."""
    kill = " ".join(str(one.pid) for one in holders)
    return f"if it is the sensor's, end what holds it: sudo kill {kill}"


def _how_to_join(device: Path) -> str:
    try:
        group = grp.getgrgid(device.stat().st_gid)
    except (OSError, KeyError):
        return "ask whoever looks after this system for the right to open it"
    user = _user()
    if group.gr_name == "root":
        return f"only root may open it: add a udev rule that gives it to {_GROUPS[0]}"
    if user in group.gr_mem:
        return f"{user} is in {group.gr_name} already, but not yet in this session: log in again"
    return f"sudo usermod -aG {group.gr_name} {user}, then log in again"


def _group_check() -> Iterator[Check]:
    """Where there is no port to look at: whether this user could open one."""
    if os.geteuid() == 0:
        return
    mine = {one.gr_name for one in grp.getgrall() if one.gr_gid in os.getgroups()}
    known = [name for name in _GROUPS if name in {one.gr_name for one in grp.getgrall()}]
    if known and not mine.intersection(known):
        remedy = f"sudo usermod -aG {known[0]} {_user()}, then log in again"
        yield Check("serial group", "warn", f"{_user()} is not in {known[0]}", remedy)


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return "$USER"
