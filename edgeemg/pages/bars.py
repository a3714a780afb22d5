"""Rows of numbers in, bars that lie on their side out: what a profile's plots are made of."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from edgeemg.pages.families import LOOKS
from edgeemg.pages.svg import INK, QUIET, SURFACE, axes, drawing, svg_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROW_INCHES = 0.27
_FRAME_INCHES = 0.62  # ticks and their name
_LEGEND_INCHES = 0.34
_POINTS_A_CHARACTER = 5.0
# of the palette, which has a dark form and stays apart for the colour-blind
COLOURS = tuple(LOOKS[one].light for one in ("cnn", "tcn", "transformer", "hybrid", "gru"))


def stacked(name: str, rows: Mapping[str, Sequence[float]], parts: Sequence[str], unit: str) -> str:
    """SVG: a bar a row, cut into parts, with a legend above."""
    with drawing():
        figure, plot = _rows(list(rows), legend=True)
        for place, values in enumerate(rows.values()):
            left = 0.0
            for colour, value in zip(COLOURS, values, strict=False):
                plot.barh(place, value, left=left, height=0.62, color=colour)
                left += value
        _legend(plot, parts)
        plot.set_xlim(left=0)
        plot.set_xlabel(unit)
        return svg_file(figure, name)


def intervals(name: str, rows: Mapping[str, tuple[float, float]], unit: str) -> str:
    """SVG: from low to high, a row each, on a scale of powers of ten."""
    with drawing():
        figure, plot = _rows(list(rows))
        for place, (low, high) in enumerate(rows.values()):
            plot.barh(place, high - low, left=low, height=0.5, color=COLOURS[0])
        _logarithmic(plot, [one for pair in rows.values() for one in pair])
        plot.set_xlabel(unit)
        return svg_file(figure, name)


def spreads(
    name: str,
    rows: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    marks: Mapping[str, tuple[float, float]],
    unit: str,
) -> str:
    """SVG: a histogram a row, on a scale of powers of ten.

    rows   edges (n + 1,) and counts (n,)
    marks  for each row, p50 and p99: a line and a dashed one
    """
    with drawing():
        figure, plot = _rows(list(rows), row_inches=0.42)
        for place, (key, (edges, counts)) in enumerate(rows.items()):
            top = max(counts)
            heights = [0.8 * one / top for one in counts]
            base = place + 0.4
            plot.stairs(
                [base - one for one in heights],
                edges,
                baseline=base,
                fill=True,
                color=COLOURS[0],
                linewidth=0,
            )
            for value, style in zip(marks[key], ("-", (0, (2, 1.5))), strict=True):
                plot.plot([value, value], [base, base - 0.85], color=INK, lw=1, ls=style)
        _logarithmic(plot, [one for edges, _ in rows.values() for one in (edges[0], edges[-1])])
        plot.set_xlabel(unit)
        return svg_file(figure, name)


def _rows(
    names: Sequence[str], *, legend: bool = False, row_inches: float = _ROW_INCHES
) -> "tuple[Figure, Axes]":
    above = _LEGEND_INCHES if legend else 0.08
    height = _FRAME_INCHES + row_inches * len(names) + above
    figure, plot = axes(height)
    longest = max(map(len, names))
    left = min(0.5, (longest * _POINTS_A_CHARACTER + 14) / (72 * figure.get_figwidth()))
    figure.subplots_adjust(left=left, bottom=0.5 / height, top=1 - above / height)
    plot.set_yticks(range(len(names)), list(names))
    plot.tick_params(axis="y", length=0)
    plot.grid(visible=False, axis="y")
    plot.set_ylim(len(names) - 0.5, -0.5)
    return figure, plot


def _legend(plot: "Axes", parts: Sequence[str]) -> None:
    from matplotlib.patches import Patch

    plot.figure.legend(
        handles=[
            Patch(color=colour, label=part) for colour, part in zip(COLOURS, parts, strict=False)
        ],
        loc="upper left",
        bbox_to_anchor=(0, 1),
        ncols=len(parts),
        frameon=False,
        handlelength=0.8,
        handletextpad=0.4,
        columnspacing=0.9,
        borderaxespad=0.2,
        fontsize=7.5,
        facecolor=SURFACE,
    )


def _logarithmic(plot: "Axes", values: Sequence[float]) -> None:
    """Round numbers as ticks, two or three a decade where there is room."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    low, high = 0.9 * min(values), 1.1 * max(values)
    plot.set_xscale("log")
    plot.set_xlim(low, high)
    subs = (1.0, 2.0, 5.0) if high / low < 100 else (1.0,)
    plot.xaxis.set_major_locator(LogLocator(subs=subs))
    plot.xaxis.set_minor_formatter(NullFormatter())
    plot.xaxis.set_major_formatter(FuncFormatter(lambda one, _: f"{one:g}"))
    plot.tick_params(axis="x", which="minor", color=QUIET, length=2)
