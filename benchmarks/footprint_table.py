"""What benchmarks.footprint has kept in; the lines of a page out."""

import statistics
from collections.abc import Mapping
from typing import Any

from benchmarks.machine_facts import in_words

_LARGEST = 3


def table(plain: dict[str, Any]) -> list[str]:
    """A table for this machine, one for the emulated core, and what has to be known."""
    stacks = plain["stacks"]
    return [
        *_here(stacks),
        "",
        *_emulated(stacks, plain["cpu"]),
        "",
        *(line for name, one in stacks.items() for line in _notes(name, one)),
        "Sizes are those of the wheels' files, without Python's bytecode"
        f"{_bare(stacks)}. {plain['rounds']} fresh processes of each stack, in turn; median "
        f"(lowest to highest); CPU time, which waiting for the disk is not in. {in_words(plain)}.",
    ]


def _bare(stacks: dict[str, Any]) -> str:
    """What of the memory is CPython's own."""
    peaks = [one["aarch64"].get("bare_peak_mb") for one in stacks.values()]
    own = [one for one in peaks if one is not None]
    return f"; of the emulated memory {min(own):.0f} MB are CPython's" if own else ""


def _here(stacks: dict[str, Any]) -> list[str]:
    lines = [
        "| on this machine | installed, MB | largest packages, MB | import, CPU ms "
        "| first decision, CPU ms | peak memory after import, MB | after the first decision, MB |",
        "|---|---:|---|---:|---:|---:|---:|",
    ]
    for name, one in stacks.items():
        sizes, rounds = one["here"]["packages_mb"], one["here"]["rounds"]
        times = [_spread([each[key] for each in rounds]) for key in ("import_ms", "first_ms")]
        peaks = [
            f"{statistics.median(each[key] for each in rounds):.0f}"
            for key in ("peak_import_mb", "peak_first_mb")
        ]
        cells = [name, f"{sum(sizes.values()):.0f}", _largest(sizes), *times, *peaks]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _emulated(stacks: dict[str, Any], cpu: str) -> list[str]:
    lines = [
        f"| on an emulated {cpu} | wheels, MB | largest, MB | import, million instructions "
        "| first decision, million instructions | peak memory after import, MB "
        "| after the first decision, MB |",
        "|---|---:|---|---:|---:|---:|---:|",
    ]
    for name, one in stacks.items():
        found = one["aarch64"]
        sizes = found["packages_mb"]
        cells = [name, f"{sum(sizes.values()):.0f}", _largest(sizes), *_counts(found)]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _counts(found: Mapping[str, Any]) -> list[str]:
    if "why_not" in found:
        return ["does not run", "", "", ""]
    return [
        f"{found['import_instructions'] / 1e6:,.0f}",
        f"{found['first_instructions'] / 1e6:,.0f}",
        f"{found['import_peak_mb']:.0f}",
        f"{found['first_peak_mb']:.0f}",
    ]


def _notes(name: str, one: dict[str, Any]) -> list[str]:
    found = one["aarch64"]
    lines = [f"- {name}: {one['note']}."] if one["note"] else []
    if found["no_wheel"]:
        lines.append(
            f"- {name}: PyPI has no wheel for 64-bit ARM of {', '.join(found['no_wheel'])}, which "
            "is not in its size."
        )
    if "why_not" in found:
        lines.append(f"- {name} does not run there: {found['why_not']}.")
    return [*lines, ""] if lines else []


def _largest(sizes: dict[str, float]) -> str:
    largest = list(sizes.items())[:_LARGEST]
    return ", ".join(f"{name} {mb:.0f}" for name, mb in largest if mb >= 1)


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):,.0f} ({min(values):,.0f} to {max(values):,.0f})"
