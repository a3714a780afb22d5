"""A comparison in, an HTML page out."""

from collections.abc import Mapping
from typing import Any

from edgeemg.pages.page import page
from edgeemg.pages.plots import plots
from edgeemg.pages.svg import inline


def comparison_page(comparison: Mapping[str, Any]) -> str:
    """One self-contained page of what `edgeemg compare --json` prints.

    Warnings stand above the numbers; cells that are lacking are listed with their reason.
    MissingExtraError without the `train` extra.
    """
    rows = comparison["rows"]
    content = {
        "comparison": comparison,
        "rows": rows,
        "best": rows[0] if rows else None,
        "several_seeds": any(len(row["seeds"]) > 1 for row in rows),
        "plots": [
            {"plot": plot, "svg": inline(plot.svg, plot.name, title=plot.title)}
            for plot in plots(comparison)
        ],
    }
    return page("comparison.html", content)
