"""Rows in, accuracy against what a model costs out: a point for each row."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edgeemg.pages.labels import Named, margin, name_points
from edgeemg.pages.plot import Plot, Row, marker, most_data, show_chance, ticks
from edgeemg.pages.svg import axes, svg_file

_HEIGHT_INCHES = 3.0
_FAINT: dict[str, Any] = {"alpha": 0.45, "markersize": 3.5}  # all rows of a model but its best


@dataclass(frozen=True, slots=True)
class Cost:
    """A figure of the rows that a model is paid for with."""

    key: str
    name: str
    title: str
    x_label: str


COSTS = (
    Cost("macs", "macs", "Accuracy against compute", "multiply-accumulates an inference"),
    Cost("parameters", "size", "Accuracy against size", "parameters"),
)


def cost_plot(rows: Sequence[Row], chance: float, cost: Cost) -> Plot | None:
    """The rows trained on most data; None where all of them cost the same.

    `rows` fall in accuracy: the first of each model is its best, and carries its name.
    """
    shown = [row for row in most_data(rows) if row[cost.key]]
    costs = {row[cost.key] for row in shown}
    if len(costs) < 2:
        return None
    best = {row["model"]: row for row in reversed(shown)}
    figure, plot = axes(_HEIGHT_INCHES, right=margin(list(best)))
    for row in reversed(shown):
        accuracy, is_best = row["accuracy"], row is best[row["model"]]
        look = marker(row["model"]) | ({"linestyle": "none"} if is_best else _FAINT)
        bar = accuracy["std"] if is_best else None
        plot.errorbar(row[cost.key], accuracy["mean"], yerr=bar, elinewidth=0.6, **look)
    plot.set_xlabel(cost.x_label)
    ticks(plot, costs, log=True)
    means = [row["accuracy"]["mean"] for row in shown]
    ends = [row["accuracy"]["mean"] + row["accuracy"]["std"] for row in best.values()]
    starts = [row["accuracy"]["mean"] - row["accuracy"]["std"] for row in best.values()]
    show_chance(plot, chance, [*means, *ends, *starts])
    name_points(
        plot, [Named(one, row[cost.key], row["accuracy"]["mean"]) for one, row in best.items()]
    )
    named = "" if len(shown) == len(best) else " The best of each model is named."
    caption = (
        "A point for each row of the table that was trained on most data."
        f"{named} Bars: one standard deviation over folds."
    )
    return Plot(cost.name, cost.title, caption, svg_file(figure, cost.name))
