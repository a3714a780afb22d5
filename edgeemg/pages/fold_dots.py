"""The folds of an evaluation in, a dot for each of them out."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edgeemg.pages.families import look
from edgeemg.pages.svg import INK, QUIET, axes, drawing, svg_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROW_INCHES = 0.2
_FRAME_INCHES = 0.55  # ticks and their name
_POINTS_A_CHARACTER = 5.0


def fold_dots(metrics: Mapping[str, Any]) -> str:
    """SVG: accuracy to the right, a row for each fold, or each person where each has a model."""
    rows = _rows(metrics)
    height = _FRAME_INCHES + _ROW_INCHES * len(rows)
    with drawing():
        figure, plot = axes(height)
        longest = max(len(name) for name, _ in rows)
        left = min(0.45, (longest * _POINTS_A_CHARACTER + 14) / (72 * figure.get_figwidth()))
        figure.subplots_adjust(left=left, bottom=0.48 / height, top=1 - 0.06 / height)
        colour = look(metrics["model"]).light
        for place, (_, accuracies) in enumerate(rows):
            dots = [place] * len(accuracies)
            plot.plot(accuracies, dots, "o", color=colour, markersize=5.5, alpha=0.8)
        plot.set_yticks(range(len(rows)), [name for name, _ in rows])
        plot.tick_params(axis="y", length=0)
        plot.set_ylim(len(rows) - 0.5, -0.5)
        _lines(plot, metrics)
        return svg_file(figure, "folds")


def _rows(metrics: Mapping[str, Any]) -> list[tuple[str, list[float]]]:
    folds: Sequence[float] = metrics["accuracy"]["folds"]
    people: Sequence[str] = list(metrics.get("people", ()))
    if not people:
        what = "fold" if metrics["protocol"].startswith(("blocked", "shuffled")) else "tested"
        names = [f"{what} {name}" for name in metrics["fold_names"]]
        return [(name, [one]) for name, one in zip(names, folds, strict=True)]
    by_person: dict[str, list[float]] = {person: [] for person in people}
    for name, accuracy in zip(metrics["fold_names"], folds, strict=True):
        owner = max((one for one in people if name.startswith(one)), key=len)
        by_person[owner].append(accuracy)
    return list(by_person.items())


def _lines(plot: "Axes", metrics: Mapping[str, Any]) -> None:
    """The mean and chance, and limits that hold both."""
    accuracy, chance = metrics["accuracy"], metrics["chance"]
    low, high = min(chance, *accuracy["folds"]), max(accuracy["folds"])
    room = 0.06 * max(high - low, 0.1)
    plot.set_xlim(max(0.0, low - room), min(1.0, high + room))
    plot.axvline(accuracy["mean"], color=INK, linewidth=1)
    plot.axvline(chance, color=QUIET, linewidth=0.8, linestyle=(0, (4, 3)))
    plot.set_xlabel("accuracy; line: mean over folds, dashes: chance")
