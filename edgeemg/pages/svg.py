"""A matplotlib figure in, SVG out: for a file, or for a page that is light or dark."""

import io
import re
from contextlib import AbstractContextManager
from html import escape
from typing import TYPE_CHECKING, Any

from edgeemg.pages.families import LOOKS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#1f2329"
QUIET = "#636a73"
GRID = "#e2e5e9"
SURFACE = "#ffffff"
FONT_POINTS = 8.5  # on a page 328 pixels wide, the figure's 3.6 inches show it at 11 pixels
WIDTH_INCHES = 3.6

_VARIABLES = {INK: "--ink", QUIET: "--quiet", GRID: "--grid", SURFACE: "--surface"} | {
    look.light: f"--{model}" for model, look in LOOKS.items() if not look.hollow
}
_SETTINGS: dict[Any, object] = {
    "svg.fonttype": "none",  # text stays text: it can be read out, searched and scaled
    "text.parse_math": False,  # a label may hold a dollar sign
    "font.family": "sans-serif",
    "font.size": FONT_POINTS,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.titlesize": FONT_POINTS,
    "axes.titlecolor": QUIET,
    "text.color": INK,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": SURFACE,
    "axes.facecolor": SURFACE,
}


def drawing() -> "AbstractContextManager[None]":
    """The look of all plots, for as long as the block lasts: draw inside it."""
    from matplotlib import rc_context

    return rc_context(_SETTINGS)


def axes(height_inches: float, *, right: float = 0.03) -> "tuple[Figure, Axes]":
    """An empty figure as wide as a phone; `right` is the share of it that stays free there."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH_INCHES, height_inches))
    plot = figure.subplots()
    figure.subplots_adjust(left=0.125, right=1 - right, bottom=0.15, top=0.91)
    return figure, plot


def svg_file(figure: "Figure", name: str) -> str:
    """A figure as a file of its own, on white; the same figure gives the same bytes."""
    from matplotlib import rc_context

    text = io.StringIO()
    with rc_context({"svg.hashsalt": name}):
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return text.getvalue()


def inline(svg: str, name: str, *, title: str) -> str:
    """The SVG of `svg_file` as a part of a page: the page's colours, ids that are its own."""
    body = svg[svg.index("<svg") :]
    for colour, variable in _VARIABLES.items():
        body = body.replace(colour, f"var({variable})")
    body = re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{name}-", body)
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", body, count=1)
    body = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", body, count=1)
    return body.replace("<svg", f'<svg role="img" aria-label="{escape(title)}"', 1)
