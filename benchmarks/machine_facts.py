"""This machine and the code in; what a figure has to be read with, as plain data, out."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_LIBRARIES = ("numpy", "onnxruntime", "ai-edge-litert", "pyserial")
_ROOT = Path(__file__).parent.parent


def machine_facts() -> dict[str, Any]:
    """Processor, cores, system, versions, commit, and how busy the machine is now."""
    return {
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in _LIBRARIES},
        "commit": _commit(),
        "date": datetime.now(UTC).date().isoformat(),
        "load_1_min": round(os.getloadavg()[0], 2),
    }


def in_words(facts: dict[str, Any]) -> str:
    """The facts in one line, for a page."""
    versions = ", ".join(f"{name} {one}" for name, one in facts["versions"].items() if one)
    return (
        f"{facts['processor']} ({facts['machine']}), {facts['cores']} cores, "
        f"Python {facts['python']}, {versions}; {facts['date']}, commit {facts['commit']}; "
        f"load of the machine at the start {facts['load_1_min']:g}"
    )


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return platform.processor() or "unknown"
    named = [line.partition(":")[2].strip() for line in text.splitlines() if "model name" in line]
    return named[0] if named else "unknown"


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _commit() -> str:
    """Of the checkout that this is, with a + where files differ from it."""
    asked = ["git", "-C", str(_ROOT), "describe", "--always", "--abbrev=7", "--dirty=+"]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, check=True)  # noqa: S603  # git
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()
