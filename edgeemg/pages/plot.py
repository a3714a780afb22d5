"""What every plot of a comparison has: model markers, chance, ticks at what was measured."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log10
from typing import TYPE_CHECKING, Any

from edgeemg.pages.families import look
from edgeemg.pages.svg import QUIET, SURFACE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Row = Mapping[str, Any]
_LEAST_SPAN = 0.1  # of the accuracy axis: a few thousandths must not look like a difference
_CLOSE = 0.27  # share of the axis; ticks nearer than that would write over each other


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture as an SVG file's text, its title, and what has to be said below it."""

    name: str
    title: str
    caption: str
    svg: str


def most_data(rows: Sequence[Row]) -> list[Row]:
    """The rows that were trained on the largest fraction."""
    most = max(row["fraction"] for row in rows)
    return [row for row in rows if row["fraction"] == most]


def marker(model: str) -> dict[str, Any]:
    """What matplotlib needs to draw a model's points and lines."""
    its = look(model)
    return {
        "color": its.light,
        "marker": its.marker,
        "markersize": 5.5,
        "markerfacecolor": SURFACE if its.hollow else its.light,
        "markeredgecolor": its.light,
        "markeredgewidth": 1.1,
        "linewidth": 1.4,
        "linestyle": (0, (3, 1.5)) if its.hollow else "-",
    }


def show_chance(axes: "Axes", chance: float, accuracies: Sequence[float]) -> None:
    """Limits that hold all accuracies; a line for chance where it is not far below them."""
    from matplotlib.ticker import MaxNLocator

    low, high = min(accuracies), max(accuracies)
    near = chance > low - max(high - low, 0.05)
    low, high = (min(low, chance), max(high, chance)) if near else (low, high)
    room = max(0.08 * (high - low), (_LEAST_SPAN - (high - low)) / 2)
    axes.set_ylim(low - room, high + room)
    axes.yaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 5, 10]))
    axes.set_title(f"accuracy, mean over folds (chance {chance:.3f})", loc="left")
    if near:
        axes.axhline(chance, color=QUIET, linewidth=0.8, linestyle=(0, (4, 3)))
        place = axes.get_yaxis_transform()
        axes.text(0.99, chance, "chance", color=QUIET, ha="right", va="bottom", transform=place)


def ticks(axes: "Axes", values: Iterable[float], *, log: bool) -> None:
    """Ticks at the values themselves, as many as there is room for."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    if log:
        axes.set_xscale("log")
    places = sorted(set(values))
    scaled = [log10(one) if log else one for one in places]
    axes.set_xlim(*_limits(scaled, log=log))
    least = _CLOSE * (scaled[-1] - scaled[0])
    kept, last = [places[-1]], scaled[-1]
    for place, at in zip(reversed(places[:-1]), reversed(scaled[:-1]), strict=True):
        if last - at >= least:
            kept, last = [place, *kept], at
    axes.xaxis.set_major_locator(FixedLocator(kept))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda one, _: short(one)))


def short(number: float) -> str:
    """`840`, `1,190`, `12 k`, `1.3 M`: what there is room for on an axis."""
    for unit, name in ((1e9, " G"), (1e6, " M")):
        if number >= unit:
            digits = 1 if number < 9.95 * unit else 0
            return f"{number / unit:.{digits}f}{name}".replace(".0", "")
    return f"{number / 1e3:.0f} k" if number >= 1e4 else f"{number:,.0f}"


def _limits(scaled: Sequence[float], *, log: bool) -> tuple[float, float]:
    room = 0.06 * (scaled[-1] - scaled[0])
    low, high = scaled[0] - room, scaled[-1] + room
    return (10**low, 10**high) if log else (low, high)
