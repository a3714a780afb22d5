"""Rows in, accuracy along what was varied out: a line for each model."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from edgeemg.pages.labels import Named, margin, name_points
from edgeemg.pages.plot import Plot, Row, marker, most_data, show_chance, ticks
from edgeemg.pages.svg import axes, svg_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_HEIGHT_INCHES = 3.0
_MOST_BARS = 4  # lines; the bars of more of them hide the lines
_WORDS = {"front_end": "front end", "window_ms": "window"}


@dataclass(frozen=True, slots=True)
class Line:
    """What varies along a line, and what else may vary between lines of one model.

    at  the figure of a row that is its place on the x axis
    """

    name: str
    title: str
    x_label: str
    at: str
    others: tuple[str, ...]
    log: bool
    all_fractions: bool


LINES = (
    Line(
        "learning",
        "Accuracy against training data",
        "training trials a fold",
        at="n_train",
        others=("front_end", "window_ms"),
        log=True,
        all_fractions=True,
    ),
    Line(
        "window",
        "Accuracy against window length",
        "window, ms",
        at="window_ms",
        others=("front_end",),
        log=False,
        all_fractions=False,
    ),
)


def line_plot(rows: Sequence[Row], chance: float, line: Line) -> Plot | None:
    """One line a model; None where nothing varies along it."""
    used = rows if line.all_fractions else most_data(rows)
    varied = [other for other in line.others if len({row[other] for row in used}) > 1]
    lines = {model: of for model, of in _best_lines(used, line).items() if len(of) > 1}
    if not lines:
        return None
    bars = len(lines) <= _MOST_BARS
    figure, plot = axes(_HEIGHT_INCHES, right=margin(list(lines)))
    for model, points in lines.items():
        _draw(plot, model, points, line, bars=bars)
    shown = [row for points in lines.values() for row in points]
    plot.set_xlabel(line.x_label)
    ticks(plot, [row[line.at] for row in shown], log=line.log)
    reach = [
        row["accuracy"]["mean"] + sign * bars * row["accuracy"]["std"]
        for row in shown
        for sign in (-1, 1)
    ]
    show_chance(plot, chance, reach)
    ends = {model: points[-1] for model, points in lines.items()}
    name_points(
        plot, [Named(one, row[line.at], row["accuracy"]["mean"]) for one, row in ends.items()]
    )
    return Plot(line.name, line.title, _caption(varied, bars=bars), svg_file(figure, line.name))


def _best_lines(rows: Sequence[Row], line: Line) -> Mapping[str, list[Row]]:
    """Of each model's lines the longest, and of those the one with the highest mean accuracy."""
    by_line: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        by_line[row["model"], *(str(row[other]) for other in line.others)].append(row)
    best: dict[str, list[Row]] = {}
    for (model, *_), points in by_line.items():
        points.sort(key=lambda row: row[line.at])
        if model not in best or _rank(points) > _rank(best[model]):
            best[model] = points
    return best


def _rank(points: Sequence[Row]) -> tuple[int, float]:
    return len(points), fmean(row["accuracy"]["mean"] for row in points)


def _draw(axes: "Axes", model: str, points: Sequence[Row], line: Line, *, bars: bool) -> None:
    places = [row[line.at] for row in points]
    means = [row["accuracy"]["mean"] for row in points]
    spread = [row["accuracy"]["std"] for row in points] if bars else None
    axes.errorbar(places, means, yerr=spread, elinewidth=0.8, capsize=2, **marker(model))


def _caption(varied: Sequence[str], *, bars: bool) -> str:
    said = "Bars: one standard deviation over folds. " if bars else ""
    if not varied:
        return f"{said}A line for each model."
    what = " and ".join(_WORDS[one] for one in varied)
    return (
        f"{said}A line for each model, with the {what} that has the highest mean along it: "
        "chosen on these same folds, so it flatters a little."
    )
