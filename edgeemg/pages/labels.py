"""Points that want a name in, names beside a plot that do not cover each other out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgeemg.pages.families import look
from edgeemg.pages.svg import FONT_POINTS, WIDTH_INCHES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_POINTS_A_CHARACTER = 0.56 * FONT_POINTS
_LEAST_GAP = 1.3 * FONT_POINTS  # points from line to line


@dataclass(frozen=True, slots=True)
class Named:
    """A model and the point, in data coordinates, that its name belongs to."""

    model: str
    x: float
    y: float


def margin(models: Sequence[str]) -> float:
    """The share of a figure's width that names of models need beside a plot."""
    longest = max((len(model) for model in models), default=0)
    return (longest * _POINTS_A_CHARACTER + 20) / (72 * WIDTH_INCHES)


def name_points(axes: "Axes", points: Sequence[Named]) -> None:
    """Write each name to the right of the plot, in the order of height, with a line to its point.

    Limits and scale of the axes must be final.
    """
    height = 72 * axes.get_position().height * axes.figure.get_figheight()  # type: ignore[union-attr]
    low, high = axes.get_ylim()
    ordered = sorted(points, key=lambda one: one.y)
    places = spread([(one.y - low) / (high - low) for one in ordered], gap=_LEAST_GAP / height)
    for one, place in zip(ordered, places, strict=True):
        axes.annotate(
            one.model,
            xy=(one.x, one.y),
            xycoords="data",
            xytext=(1.07, place),
            textcoords="axes fraction",
            va="center",
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": look(one.model).light,
                "relpos": (0, 0.5),
                "linewidth": 0.6,
                "shrinkA": 1,
                "shrinkB": 4,
            },
        )


def spread(wanted: Sequence[float], *, gap: float) -> list[float]:
    """Rising places at least `gap` apart, near the wanted ones, which rise; in 0..1 if they fit."""
    places: list[float] = []
    for n, one in enumerate(wanted):
        room = 1 - gap * (len(wanted) - 1 - n)  # what those above still need
        least = places[-1] + gap if places else 0.0
        places.append(max(least, min(one, room)))
    return places
