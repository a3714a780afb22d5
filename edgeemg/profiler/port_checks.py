"""The serial ports of this system in; who may open them, and who disturbs them, out."""

import grp
import os
import pwd
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from serial.tools import list_ports

from edgeemg.profiler.board import ROOT
from edgeemg.profiler.checks import Check
from firmware_bridge.resolving import latency_timer_ms

_GROUPS = ("dialout", "uucp")  # who may use serial ports: Debian and Fedora, Arch
# programs that open every new serial port to see what answers
_MEDDLERS = {
    "brltty": "takes some USB adapters for braille displays: sudo apt remove brltty",
    "ModemManager": "talks to new ports: sudo systemctl disable --now ModemManager",
}


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
    running = _running(root)
    for program, does in _MEDDLERS.items():
        if program in running:
            yield Check(program, "warn", f"{program} is running", f"it {does}")


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
    if os.access(device, os.R_OK | os.W_OK, effective_ids=True):
        return Check(str(device), "ok", about)
    status: Literal["warn", "fail"] = "fail" if needed else "warn"
    return Check(str(device), status, f"{about}: no permission", _how_to_join(device))


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


def _running(root: Path) -> set[str]:
    names = set()
    for comm in root.glob("proc/[0-9]*/comm"):
        try:
            names.add(comm.read_text(encoding="utf-8", errors="replace").strip())
        except OSError:  # it ended meanwhile
            continue
    return names
