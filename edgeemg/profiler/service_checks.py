"""What systemd says of a service in; whether it runs, and what to do, out."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from edgeemg.profiler.board import ROOT
from edgeemg.profiler.checks import Check
from edgeemg.profiler.manager import facts_of, is_running

_OFTEN = 3  # restarts: more is no accident
_ALIVE = ("active", "reloading", "activating")
_BETWEEN = "auto-restart"  # it ended, and is started again soon; 254 and later know -queued, too
_PORT = re.compile(r'^ExecStart=.*"--port=([^"]*)"', re.MULTILINE)


def installed_services(root: Path = ROOT) -> list[str]:
    """Names of the units that `edgeemg service install` wrote."""
    units = sorted((root / "etc/systemd/system").glob("*.service"))
    return [one.stem for one in units if is_ours(one)]


def service_checks(root: Path = ROOT) -> list[Check]:
    """One check for each installed service; none where none is installed."""
    names = installed_services(root)
    if names and not is_running(root):
        return [Check("service", "ok", f"{', '.join(names)} installed; systemd does not run here")]
    return [service_check(name, facts_of(name), installed=True) for name in names]


def service_check(name: str, facts: Mapping[str, str], *, installed: bool) -> Check:
    """Whether the service runs, by what `systemctl show` says of it; systemctl(1)."""
    title = f"service {name}"
    if not installed:
        return Check(title, "ok", f"{name} is not installed", "edgeemg service install BUNDLE ...")
    state = facts.get("ActiveState")
    if state is None:
        return Check(title, "warn", f"{name} is installed; systemd does not answer", None)
    restarts = int(facts.get("NRestarts") or 0)
    again = f", restarted {restarts} times" if restarts else ""
    said = facts.get("StatusText", "")
    found = f"{state} ({facts.get('SubState', '?')}){again}{': ' if said else ''}{said}"
    look = f"journalctl -u {name} -n 50 says why"
    if _is_alive(facts):
        return Check(title, "warn" if restarts >= _OFTEN else "ok", found, look)
    if state == "inactive":
        return Check(title, "warn", found, f"sudo systemctl enable --now {name}")
    if state == "deactivating":
        return Check(title, "warn", found, look)
    result = facts.get("Result", "")
    why = f", last time: {result}" if result not in ("", "success") else ""
    return Check(title, "fail", f"{found}{why}", look)


def service_on(port: Path, root: Path = ROOT) -> str | None:
    """The name of an installed service that runs, and was given this port; None: there is none.

    The owner of the port is not looked for: of another user's programs, only root sees the files.
    """
    for name in installed_services(root):
        given = _port_of(root / f"etc/systemd/system/{name}.service")
        if (
            given is not None
            and os.path.realpath(given) == os.path.realpath(port)
            and _is_alive(facts_of(name))
        ):
            return name
    return None


def _is_alive(facts: Mapping[str, str]) -> bool:
    between = facts.get("SubState", "").startswith(_BETWEEN)
    return facts.get("ActiveState") in _ALIVE and not between


def _port_of(unit: Path) -> Path | None:
    try:
        found = _PORT.search(unit.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return None
    return None if found is None else Path(found[1])


def is_ours(file: Path) -> bool:
    """Whether `edgeemg service install` wrote it, whatever was changed in it since."""
    try:
        with file.open(encoding="utf-8", errors="replace") as lines:
            return "edgeemg service install" in lines.readline()
    except OSError:
        return False
