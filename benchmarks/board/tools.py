"""This machine's programs in; those that an emulated board needs, or what to install, out."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from edgeemg.errors import EdgeEmgError, MissingToolError

_NEEDED = {
    "qemu-system-aarch64": "qemu-system-arm",
    "debootstrap": "debootstrap",
    "dpkg-deb": "dpkg",
    "mke2fs": "e2fsprogs",
}
_ADMIN = "/usr/sbin:/sbin"  # where debootstrap and mke2fs are; not in everybody's PATH


# before what plays in real time: where this may not be, nice says so and runs it all the same
AHEAD = ("nice", "-n", "-5")


class BoardError(EdgeEmgError):
    """The emulated board did not do what it was to do."""


def find_tools() -> None:
    """Raises MissingToolError that names all that is missing, and how to install it."""
    if sys.platform != "linux":
        raise MissingToolError(
            "the emulated board needs Linux: its image is made by Debian's tools"
        )
    needed = dict(_NEEDED)
    if os.geteuid():
        needed["fakeroot"] = "fakeroot"  # the image's files belong to root
    missing = {name: package for name, package in needed.items() if not _found(name)}
    if missing:
        raise MissingToolError(
            f"the emulated board needs {', '.join(missing)}, not found on this machine: "
            f"on Debian 12: sudo apt install {' '.join(missing.values())}"
        )


def call(
    command: Sequence[str | Path], *, timeout_s: float, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; BoardError with the last it said where it fails."""
    name = Path(command[0]).name
    try:
        done = subprocess.run(  # noqa: S603  # our own commands, no shell
            [_found(str(command[0])) or str(command[0]), *map(str, command[1:])],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
            cwd=cwd,
            env={**os.environ, "PATH": _path()},
        )
    except subprocess.TimeoutExpired as error:
        raise BoardError(f"{name} was not done in {timeout_s:g} s: try again") from error
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()
        raise BoardError(f"{name} failed ({done.returncode}): {' / '.join(said[-3:])}")
    return done


def as_root(state: Path) -> list[str]:
    """What goes before a command whose files are to be root's. `state` keeps whose they are."""
    if not os.geteuid():
        return []
    known = ["-i", str(state)] if state.is_file() else []
    return ["fakeroot", "-s", str(state), *known, "--"]


def _found(name: str) -> str | None:
    return shutil.which(name, path=_path())


def _path() -> str:
    return f"{os.environ.get('PATH', os.defpath)}:{_ADMIN}"
