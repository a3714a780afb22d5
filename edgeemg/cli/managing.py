"""A service's name in; systemd and udev told about it out."""

import os
import shutil
import subprocess
from contextlib import suppress

from edgeemg.errors import EdgeEmgError, MissingToolError
from edgeemg.profiler.manager import is_running

_PATIENCE_S = 60


def start(name: str) -> None:
    """Read units and rules again, apply the rules to what is plugged in, start now and at boot.

    EdgeEmgError with what systemd said where it refuses.
    """
    reload_all()
    _tell("systemctl", "enable", f"{name}.service")
    # not waited for: it may wait for its sensor, or for the journal to be read
    _tell("systemctl", "restart", "--no-block", f"{name}.service")


def stop(name: str) -> None:
    """Stop it now and at boot, where systemd runs; EdgeEmgError as in `start`."""
    if is_running():
        _tell("systemctl", "disable", "--now", f"{name}.service")


def reload_all() -> None:
    """Make systemd and udev read their files again, where they run; EdgeEmgError as in `start`."""
    if not is_running():
        return
    _tell("systemctl", "daemon-reload")
    if shutil.which("udevadm") is None:
        return  # without udev the port keeps its usual name
    _tell("udevadm", "control", "--reload")
    kinds = ("--subsystem-match=tty", "--subsystem-match=usb-serial", "--subsystem-match=misc")
    _tell("udevadm", "trigger", "--action=add", *kinds)
    with suppress(EdgeEmgError):  # other devices of the board may take longer
        _tell("udevadm", "settle", "--timeout=10")


def _tell(program: str, *arguments: str) -> None:
    path = shutil.which(program)
    if path is None:
        raise MissingToolError(f"{program} is not installed: this needs a system with systemd")
    command = [path, *arguments]
    try:
        done = subprocess.run(  # noqa: S603  # the system's own tools; names are checked
            command, capture_output=True, text=True, timeout=_PATIENCE_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise EdgeEmgError(
            f"`{program} {' '.join(arguments)}` did not answer within {_PATIENCE_S} s"
        ) from error
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip() or f"exit code {done.returncode}"
        remedy = "; run it as root" if os.geteuid() != 0 else ""
        raise EdgeEmgError(f"`{program} {' '.join(arguments)}` failed: {said}{remedy}")
