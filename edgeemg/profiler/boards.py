"""A board's name in; what it is and which core it has out. No board is touched."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

ROOT = Path("/")


@dataclass(frozen=True, slots=True)
class Board:
    """A board that models are exported for.

    cpu       its core, as qemu's `-cpu` names it
    cpu_part  the core's part number in /proc/cpuinfo (Linux, arch/arm64/include/asm/cputype.h)
    """

    name: str
    title: str
    cpu: Literal["cortex-a53", "cortex-a72", "cortex-a76"]
    cpu_part: int


BOARDS = {
    one.name: one
    for one in (
        Board("pi-zero-2w", "Raspberry Pi Zero 2 W", "cortex-a53", 0xD03),
        Board("pi-3b", "Raspberry Pi 3 Model B", "cortex-a53", 0xD03),
        Board("pi-4", "Raspberry Pi 4 Model B", "cortex-a72", 0xD08),
        Board("pi-5", "Raspberry Pi 5", "cortex-a76", 0xD0B),
    )
}
CPUS = tuple(dict.fromkeys(board.cpu for board in BOARDS.values()))


def this_board(root: Path = ROOT) -> str | None:
    """The key in BOARDS of the board this runs on, None on any other machine.

    A Pi 3 Model B+ counts as a Pi 3 Model B, a Pi 500 as a Pi 5: the same cores.
    root  holds /proc; the kernel writes the title, then a revision, into proc/device-tree/model
    """
    try:
        model = (root / "proc/device-tree/model").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    for board in BOARDS.values():
        if model.startswith(board.title):
            return board.name
    return None


def part_of(cpu: str) -> int:
    """The part number of a core in CPUS."""
    return next(board.cpu_part for board in BOARDS.values() if board.cpu == cpu)
