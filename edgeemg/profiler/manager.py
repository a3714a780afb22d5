"""A service's name in, what systemd says of it out. What it does not say is left out."""

import shutil
import subprocess
from pathlib import Path

from edgeemg.profiler.board import ROOT

_PATIENCE_S = 20
_FACTS = ("LoadState", "ActiveState", "SubState", "StatusText", "NRestarts", "Result")


def is_running(root: Path = ROOT) -> bool:
    """Whether systemd is what started this system; sd_booted(3)."""
    return (root / "run/systemd/system").is_dir()


def facts_of(service: str) -> dict[str, str]:
    """The properties of a service, by systemctl's names; empty where systemctl does not answer."""
    program = shutil.which("systemctl")
    if program is None:
        return {}
    try:
        answer = subprocess.run(  # noqa: S603  # the system's own tool; the name is one of a service
            [program, "show", f"--property={','.join(_FACTS)}", "--", f"{service}.service"],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return {}
    if answer.returncode != 0:
        return {}
    lines = (line.partition("=") for line in answer.stdout.splitlines())
    return {name: value for name, _, value in lines if name in _FACTS}
