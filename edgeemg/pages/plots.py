"""A comparison in, the plots that its grid can show out."""

from collections.abc import Mapping
from typing import Any

from edgeemg.pages.cost_plots import COSTS, cost_plot
from edgeemg.pages.line_plots import LINES, line_plot
from edgeemg.pages.plot import Plot
from edgeemg.pages.svg import drawing

NAMES = tuple(one.name for one in (*COSTS, *LINES))  # of all plots that there can be


def plots(comparison: Mapping[str, Any]) -> list[Plot]:
    """Accuracy against multiply-accumulates, size, training trials and window length.

    A plot with a single place on its x axis would show nothing, and is left out.
    """
    rows = comparison["rows"]
    if not rows:
        return []
    chance = float(comparison["chance"])
    with drawing():
        made = [
            *(cost_plot(rows, chance, cost) for cost in COSTS),
            *(line_plot(rows, chance, line) for line in LINES),
        ]
    return [plot for plot in made if plot is not None]
