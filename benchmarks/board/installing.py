"""The steps until the service runs: boot, installation, doctor, the service and its start."""

from pathlib import Path
from typing import Any

from benchmarks.board.material import ENGINE, PRECISION
from benchmarks.board.rig import BUNDLE, EDGEEMG, SERVICE, Facts, Rig, as_object

_VENV = "/opt/edgeemg"
_INSTALL_S = 580.0
_PIP = (
    'python3 "$(echo /usr/share/python-wheels/pip-*.whl)/pip" '
    f"--python {_VENV}/bin/python install --quiet "
    "--no-index --no-compile --find-links /payload/wheels 'edgeemg[litert,data]'"
)
_LARGEST_EXPOSURE = 2.0  # of systemd-analyze security; 10 is a unit without any hardening


def boots(rig: Rig) -> Facts:
    """Switched on with the sensor in its socket."""
    rig.machine.switch_on()
    rig.plug_in()
    guest = rig.machine.guest
    guest.wait_for_hello(300.0)
    port = rig.port()
    system = guest.do("sh", "-c", ". /etc/os-release; echo $PRETTY_NAME").strip()
    kernel = guest.do("uname", "-r", "-m").strip()
    return {"system": system, "kernel": kernel, "the sensor's port": port}


def installs(rig: Rig) -> Facts:
    """The wheel and one engine, as a person does it, from a folder instead of the network."""
    guest = rig.machine.guest
    # pip from Debian's own wheel of it: a copy in the environment takes a minute of emulation
    guest.do("python3", "-m", "venv", "--without-pip", _VENV, timeout_s=_INSTALL_S)
    guest.do("sh", "-c", _PIP, timeout_s=_INSTALL_S)
    guest.do("cp", "-r", "/payload/bundle", BUNDLE)
    listed = guest.do("sh", "-c", f"ls -d {_VENV}/lib/python3*/site-packages/*.dist-info")
    names = [Path(line).stem.rpartition("-") for line in listed.split()]
    versions = {name.replace("_", "-"): version for name, _, version in names}
    size_kb = int(guest.do("du", "-sk", _VENV).split()[0])
    return {
        **{name: versions[name] for name in ("edgeemg", "numpy", "ai-edge-litert")},
        "python": guest.do("python3", "--version").split()[1],
        "installed, MB": round(size_kb * 1024 / 1e6),
    }


def doctor(rig: Rig) -> Facts:
    """`edgeemg doctor` with the bundle, before it is started: no check fails."""
    done = rig.machine.guest.ask(EDGEEMG, "doctor", BUNDLE, "--json", timeout_s=_INSTALL_S)
    checks = as_object(done.stdout, "what doctor printed")["checks"]
    bad = [_told(one) for one in checks if one["status"] == "fail"]
    rig.check(done.code == 0 and not bad, f"doctor ended with {done.code}: {'; '.join(bad)}")
    warnings = [_told(one) for one in checks if one["status"] == "warn"]
    return {"checks": len(checks), "failed": 0, "warnings": "; ".join(warnings) or "none"}


def installs_service(rig: Rig) -> Facts:
    """`edgeemg service install` in the guest; the unit holds, and the service decides."""
    guest = rig.machine.guest
    arguments = ("--port", rig.port(), "--device", "cyton", "--sink", "jsonl:decisions.jsonl")
    engine = ("--engine", ENGINE, "--precision", PRECISION)
    told = guest.ask(
        *(EDGEEMG, "service", "install", BUNDLE, *arguments, *engine), timeout_s=_INSTALL_S
    )
    rig.check(told.code == 0, f"service install failed ({told.code}): {told.stderr.strip()}")
    rig.wait_active()
    guest.do("systemd-analyze", "verify", f"{SERVICE}.service", timeout_s=_INSTALL_S)
    scored = guest.do("systemd-analyze", "security", "--no-pager", SERVICE, timeout_s=_INSTALL_S)
    exposure = float(scored.strip().splitlines()[-1].split(":")[1].split()[0])
    rig.check(exposure < _LARGEST_EXPOSURE, f"systemd-analyze security says {exposure}")
    guest.wait_until(["ls", "-l", f"/dev/{SERVICE}-sensor"], "tty", 30.0, "the stable name")
    enabled = guest.do("systemctl", "is-enabled", SERVICE).strip()
    rig.check(enabled == "enabled", f"the service is {enabled}")
    shown = rig.show("Type", "WatchdogUSec", "User")
    return {
        "unit": f"Type={shown['Type']}, WatchdogSec={shown['WatchdogUSec']}, {shown['User']}",
        "exposure (systemd-analyze security)": exposure,
    }


def _told(check: dict[str, Any]) -> str:
    return f"{check['name']}: {check['found']}"
