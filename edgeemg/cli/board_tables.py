"""What export measured for each board in; tables of at most 100 columns out."""

import textwrap
from collections.abc import Iterator
from typing import Any

_WIDTH = 100
_REMARKS = (
    "> chosen: of the files that passed their gates and answer rightly there, the one with the",
    "fewest instructions, or one within 5 % of them that needs at least 1 MB less memory.",
    "instructions: of one inference (of a stream: one hop), Python included, counted, not timed;",
    "agree, drop: labels as PyTorch, and balanced accuracy lost, in points, on held-out data",
)


def board_tables(boards: dict[str, Any]) -> str:
    """`boards` of parity.json: a table for each core, then what its columns are."""
    lines: list[str] = []
    for cpu in dict.fromkeys(one["cpu"] for one in boards.values()):
        lines += _table({name: one for name, one in boards.items() if one["cpu"] == cpu})
    return "\n".join([*lines, *_REMARKS])


def _table(boards: dict[str, Any]) -> Iterator[str]:
    """The candidates on one core, which all of `boards` have."""
    board = next(iter(boards.values()))
    yield f"{', '.join(boards)} ({board['cpu']}, emulated)"
    yield (
        f"  {'file':<19} {'library':<26}{'instructions':>14}{'peak MB':>10}{'agree':>10}{'drop':>8}"
    )
    for one in board["candidates"]:
        mark = ">" if one["file"] == board["chosen"] else " "
        instructions, peak = one["instructions"], one["peak_memory_bytes"]
        yield (
            f"{mark} {one['file']:<19} {one['library'] or one['engine']:<26}"
            f"{_cell(instructions, '{:,}'):>14}{_cell(peak, '{:.1f}', 1e6):>10}"
            f"{_cell(one['label_agreement'], '{:.2%}'):>10}"
            f"{_cell(one['balanced_accuracy_drop'], '{:.2f}', 0.01):>8}"
        )
    for one in board["candidates"]:
        if one["ruled_out"]:
            yield from textwrap.wrap(
                f"{one['file']} is ruled out: {one['ruled_out']}",
                _WIDTH - 2,
                initial_indent="  ",
                subsequent_indent="    ",
                break_on_hyphens=False,
            )
    if board["chosen"] is None:
        yield "  nothing is left to choose from; told nothing else, `edgeemg run` takes the first"
        yield "    installed engine in float32"
    yield ""


def _cell(value: float | None, form: str, unit: float = 1) -> str:
    return "-" if value is None else form.format(value if unit == 1 else value / unit)
