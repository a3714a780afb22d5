"""What was counted for emulated boards in; tables of at most 100 columns out."""

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from edgeemg.profiler.instruction_kinds import GROUPS

_WIDTH = 100


def board_profile_tables(report: Mapping[str, Any]) -> str:
    """`report` as `edgeemg profile --board --json` prints it."""
    facts = report["bundle"]
    lines = [
        f"{facts['name']}: {facts['family']}, {facts['parameters']:,} parameters, "
        f"{facts['macs'] / 1e6:.2f} M multiply-adds, "
        f"window {facts['window_ms']:g} ms, hop {facts['hop_ms']:g} ms",
        "EMULATED, not measured on a board: exact counts, estimated times",
    ]
    for name, board in report["boards"].items():
        lines += ["", *_board(name, board)]
    lines += ["", *_remarks(report)]
    return "\n".join(lines)


def _board(name: str, board: Mapping[str, Any]) -> Iterator[str]:
    low, high = board["clock_mhz"]
    clock = f"{high} MHz" if low == high else f"{low} to {high} MHz"
    yield f"{name}: {board['title']}, {board['cpu']} emulated, {clock}"
    yield (
        f"  {'one inference':<19}{'estimate, ms':>17}{'of hop':>15}{'instructions':>14}"
        f"{'a second':>11}{'peak MB':>9}"
    )
    for one in board["files"]:
        if one["status"] != "counted":
            yield from _wrapped(f"{one['file']}: {one['reason']}")
            continue
        yield f"  {one['file']:<19}{_cells(one)}{one['peak_memory_mb']:>9.1f}"
    yield ""
    heads = (one.replace("multiply-add", "FMA") for one in GROUPS)
    yield f"  {'by kind, thousands':<19}" + "".join(f"{one:>15}" for one in heads)
    for one in board["files"]:
        if one["status"] == "counted":
            cells = "".join(f"{one['by_kind'][kind] / 1e3:>15,.1f}" for kind in GROUPS)
            yield f"  {one['file']:<19}{cells}"
    yield ""
    yield from _stages(board)


def _stages(board: Mapping[str, Any]) -> Iterator[str]:
    stages = board["stages"]
    if isinstance(stages, str):
        yield from _wrapped(f"the stages of a hop were not counted: {stages}")
        return
    yield f"  {'stages of a hop':<19}{'estimate, ms':>17}{'of hop':>15}{'instructions':>14}"
    for name, one in stages.items():
        yield f"  {name:<19}{_cells(one)}"


def _cells(one: Mapping[str, Any]) -> str:
    spent, share = one["estimate_us"], one["share_of_hop"]
    times = f"{spent['low_us'] / 1e3:.3f} to {spent['high_us'] / 1e3:.3f}"
    shares = f"{share[0]:.2%} to {share[1]:.2%}"
    per_second = f"{one['instructions_per_second'] / 1e6:.1f} M"
    return f"{times:>17}{shares:>15}{one['instructions']:>14,}{per_second:>11}"


def _remarks(report: Mapping[str, Any]) -> Iterator[str]:
    yield from _wrapped(
        "estimate: an interval under assumptions, and no measurement (docs/profiling.md): "
        + "; ".join(report["assumptions"]),
        indent="",
    )
    yield from _wrapped(
        "one inference (of a stream: one hop), with the call from Python; a second: of signal; "
        "int8 multiply: NEON integer products that are no dot products; stages: parse is that of "
        "our own sensor protocol in reads of 4 ms, network that of the first file",
        indent="",
    )


def _wrapped(text: str, *, indent: str = "  ") -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_on_hyphens=False,
    )
