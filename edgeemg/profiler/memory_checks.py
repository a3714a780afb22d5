"""What the kernel says of memory and swap in; whether the runtime has room out."""

from collections.abc import Iterator
from pathlib import Path

from edgeemg.profiler.board import ROOT
from edgeemg.profiler.checks import Check

_MEMORY_MB = 100  # the runtime peaks at 50 to 70
_SWAPPED_MB = 50  # on a card: more is no remainder of the start


def memory_checks(root: Path = ROOT) -> Iterator[Check]:
    """Memory that is free, and where it goes when it is not; `root` holds /proc."""
    facts = _kilobytes(root / "proc/meminfo")
    if facts is None:
        yield Check("memory", "ok", "unknown: no /proc here")
        return
    free_mb = facts.get("MemAvailable", 0) * 1024 / 1e6
    found = f"{free_mb:,.0f} MB available"
    if free_mb >= _MEMORY_MB:
        yield Check("memory", "ok", found)
    else:
        remedy = f"end other programs: the runtime takes up to {_MEMORY_MB} MB"
        yield Check("memory", "warn", found, remedy)
    yield _swap(root / "proc/swaps")


def _swap(table: Path) -> Check:
    """proc(5), /proc/swaps: file name, type, size and what is used, in kilobytes."""
    rows = [line.split() for line in _lines(table)[1:]]
    places = [(row[0], int(row[3]) * 1024 / 1e6) for row in rows if len(row) >= 4]
    if not places:
        return Check("swap", "ok", "none: where memory is short, the kernel ends a program")
    slow_mb = sum(used_mb for place, used_mb in places if "zram" not in place)
    found = ", ".join(f"{used_mb:,.0f} MB used in {place}" for place, used_mb in places)
    if slow_mb < _SWAPPED_MB:
        return Check("swap", "ok", found)
    remedy = "free memory, or swap to memory: sudo apt install zram-tools; a card is slow and wears"
    return Check("swap", "warn", found, remedy)


def _kilobytes(path: Path) -> dict[str, int] | None:
    lines = _lines(path)
    pairs = (line.partition(":") for line in lines)
    found = {name: value.split() for name, _, value in pairs}
    numbers = {name: int(words[0]) for name, words in found.items() if words and words[0].isdigit()}
    return numbers if lines else None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
