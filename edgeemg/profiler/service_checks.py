"""What systemd says of a service in; whether it runs, and what to do, out."""

from collections.abc import Mapping
from pathlib import Path

from edgeemg.profiler.board import ROOT
from edgeemg.profiler.checks import Check
from edgeemg.profiler.manager import facts_of, is_running

_OFTEN = 3  # restarts: more is no accident


def installed_services(root: Path = ROOT) -> list[str]:
    """Names of the units that `edgeemg service install` wrote."""
    units = sorted((root / "etc/systemd/system").glob("*.service"))
    return [one.stem for one in units if _is_ours(one)]


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
    if state in ("active", "reloading"):
        return Check(title, "warn" if restarts >= _OFTEN else "ok", found, look)
    if state == "inactive":
        return Check(title, "warn", found, f"sudo systemctl enable --now {name}")
    result = facts.get("Result", "")
    why = f", last time: {result}" if result not in ("", "success") else ""
    return Check(title, "fail", f"{found}{why}", look)


def _is_ours(unit: Path) -> bool:
    try:
        with unit.open(encoding="utf-8", errors="replace") as file:
            return "edgeemg service install" in file.readline()
    except OSError:
        return False
