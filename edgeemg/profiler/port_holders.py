"""A serial port in; the programs that hold it open out, as /proc says."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edgeemg.profiler.board import ROOT


@dataclass(frozen=True, slots=True)
class Holder:
    """A program that has the port open. `is_ours`: it is `edgeemg run`, `record` or the like."""

    pid: int
    name: str
    is_ours: bool

    def __str__(self) -> str:
        return f"{'edgeemg' if self.is_ours else self.name} (process {self.pid})"


def holders_of(device: Path, root: Path = ROOT) -> list[Holder]:
    """Who else has the device open, of those whose files this user may see: root sees all."""
    real = os.path.realpath(device)
    others = [one for one in sorted(root.glob("proc/[0-9]*")) if one.name != str(os.getpid())]
    return [_holder(one) for one in others if real in _open_in(one)]


def _open_in(process: Path) -> Iterator[str]:
    try:
        descriptors = list((process / "fd").iterdir())
    except OSError:  # it ended meanwhile, or is somebody else's
        return
    for one in descriptors:
        with suppress(OSError):  # closed meanwhile
            yield str(one.readlink())


def _holder(process: Path) -> Holder:
    name = _read(process / "comm").strip() or "a program"
    words = _read(process / "cmdline").split("\0")
    ours = any(Path(one).name == "edgeemg" for one in words)
    return Holder(int(process.name), name, ours)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
