"""The qemu and the compiler of this machine in; the instruction counter, compiled, out."""

import hashlib
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from edgeemg.errors import MissingToolError
from edgeemg.profiler.cache import filled_once

SOURCES = tuple(Path(__file__).with_name(name) for name in ("count_instructions.c", "a64_kinds.c"))
_COMPILERS = ("gcc", "cc", "clang")
_PATIENCE_S = 60
_NEWEST_QEMU = 8  # the last with version 1 of the plugin interface
_INSTALL = "on Debian 12: sudo apt install qemu-user gcc libc6-dev dpkg"


@dataclass(frozen=True, slots=True)
class Tools:
    """Programs that emulation needs, found on this machine."""

    qemu: Path
    compiler: Path


def find_tools() -> Tools:
    """Raises MissingToolError that names all that is missing, and how to install it."""
    if sys.platform != "linux":
        raise MissingToolError("emulating a board needs Linux: qemu runs Linux programs on Linux")
    qemu = shutil.which("qemu-aarch64")
    compiler = next(filter(None, map(shutil.which, _COMPILERS)), None)
    found = {
        "qemu-aarch64": qemu,
        "gcc": compiler,
        "dpkg-deb": shutil.which("dpkg-deb"),
    }
    missing = [name for name, path in found.items() if path is None]
    if qemu is None or compiler is None or missing:
        raise MissingToolError(
            f"emulating a board needs {', '.join(missing)}, not found on this machine: {_INSTALL}"
        )
    _refuse_unfit(qemu)
    return Tools(Path(qemu), Path(compiler))


def compile_counter(tools: Tools, cache: Path) -> Path:
    """The plugin, compiled once for these sources; MissingToolError where the compiler fails."""
    version = hashlib.sha256(b"".join(one.read_bytes() for one in SOURCES)).hexdigest()[:12]

    def fill(folder: Path) -> None:
        _compile(tools.compiler, folder / "counter.so")

    return filled_once(cache / f"counter-{version}", fill) / "counter.so"


def _compile(compiler: Path, plugin: Path) -> None:
    done = subprocess.run(  # noqa: S603  # the machine's compiler on our own source
        [str(compiler), "-shared", "-fPIC", "-O2", "-o", str(plugin), *map(str, SOURCES)],
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["it gave no reason"]
        names = " and ".join(one.name for one in SOURCES)
        raise MissingToolError(f"{compiler} cannot compile {names} ({lines[0]}): {_INSTALL}")


def _refuse_unfit(qemu: str) -> None:
    """Debian's qemu-user from 13 on knows no plugins; qemu from 9 on has another interface."""
    version = re.search(r"version (\d+)", _told(qemu, "--version"))
    if "-plugin" not in _told(qemu, "-help"):
        why = "was built without plugins"
    elif version and int(version[1]) > _NEWEST_QEMU:
        why = f"is qemu {version[1]}, whose plugin interface is another one"
    else:
        return
    raise MissingToolError(
        f"{qemu} {why}, so it cannot count instructions: put qemu 7.2 before it in PATH (that of "
        "Debian 12, also in its container; or built with --target-list=aarch64-linux-user "
        "--enable-plugins)"
    )


def _told(program: str, question: str) -> str:
    done = subprocess.run(  # noqa: S603  # qemu itself, fixed arguments
        [program, question], capture_output=True, text=True, timeout=_PATIENCE_S, check=False
    )
    return done.stdout
