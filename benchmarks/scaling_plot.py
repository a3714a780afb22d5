"""The figures of `scaling` in; one picture of six panels out, SVG or PNG.

Every line has a dash and a marker of its own, so that it can be told in grey too.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

from benchmarks.scaling_fit import hop_stages, predicted
from benchmarks.scaling_limits import BAUDS
from benchmarks.scaling_points import BASE
from edgeemg.pages.svg import INK, drawing, svg_file

_AXES = {
    "channels": "channels",
    "rate_hz": "samples a second, Hz",
    "window_ms": "window, ms",
    "hop_ms": "hop, ms",
}
# stage: colour, dash, marker; told apart by people who cannot tell red from green, and by dash
_LOOKS: dict[str, tuple[str, Any, str]] = {
    "parse": ("#104b9e", "-", "o"),
    "filter": ("#c26ae3", (0, (6, 2)), "s"),
    "window": ("#3b9a7d", (0, (1, 1.2)), "^"),
    "network int8": ("#ee5f13", (0, (5, 1.5, 1, 1.5)), "D"),
    "network float32": ("#ee5f13", (0, (2, 2)), "d"),
    "decision": ("#46494d", (0, (8, 2, 1, 2, 1, 2)), "v"),
}
_DASHES = dict(zip(BAUDS, ((0, (1, 1.2)), (0, (5, 2)), "-"), strict=True))
_BANDS = (("#46494d", "..."), ("#3b9a7d", "///"), ("#104b9e", ""))


def plot(plain: Mapping[str, Any], path: Path) -> None:
    """Draw and write; `path` ends in .svg or .png."""
    with drawing():
        figure = Figure(figsize=(10, 6.4), layout="constrained")
        panels = figure.subplots(2, 3)
        for panel, axis in zip(panels.flat, _AXES, strict=False):
            _cost(panel, axis, plain)
        _core(panels.flat[4], plain)
        _lines(panels.flat[5], plain)
        handles, labels = panels.flat[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), frameon=False)
        if path.suffix == ".svg":
            path.write_text(svg_file(figure, "scaling"), encoding="utf-8")
        else:
            figure.savefig(path, dpi=150)


def _cost(panel: Axes, axis: str, plain: Mapping[str, Any]) -> None:
    """Along one axis: markers counted, lines fitted, million instructions a second of signal."""
    rows = sorted(
        (row for row in plain["rows"] if row["role"] in ("base", axis)), key=lambda row: row[axis]
    )
    at = [row[axis] for row in rows]
    steps = sorted({round(one) for one in np.geomspace(at[0], at[-1], 60)} | set(at))
    points = [replace(BASE, **{axis: step}) for step in steps]
    fit = [(one, predicted(plain["fits"], one, plain["family"])) for one in points]
    for stage, (colour, dash, marker) in _LOOKS.items():
        counted = [_per_second(row["stages"][stage]["instructions"], row["hop_ms"]) for row in rows]
        line = [_per_second(cost[stage]["instructions"], one.hop_ms) for one, cost in fit]
        panel.plot(steps, line, color=colour, linestyle=dash, linewidth=1.2)
        panel.plot(at, counted, marker, color=colour, markersize=4, label=stage)
    whole = hop_stages(plain["fits"], "network int8")
    total = [
        _per_second(sum(row["stages"][one]["instructions"] for one in whole), row["hop_ms"])
        for row in rows
    ]
    panel.plot(at, total, "-*", color=INK, linewidth=0.8, markersize=6, label="whole, int8")
    _logarithmic(panel, at)
    panel.set_xlabel(_AXES[axis])
    panel.set_title("million instructions a second; lines: the fit", loc="left")


def _core(panel: Axes, plain: Mapping[str, Any]) -> None:
    """The share of one core by channels, low to high, a band for each of three rates."""
    limits = plain["limits"]
    channels = [one["channels"] for one in limits]
    rates = list(limits[0]["shares"])
    for rate, (colour, hatch) in zip(rates[:: len(rates) // 2], _BANDS, strict=True):
        low, high = ([100 * one["shares"][rate][end] for one in limits] for end in (0, 1))
        panel.fill_between(
            *(channels, low, high),
            facecolor=(colour, 0.25),
            edgecolor=colour,
            hatch=hatch,
            label=f"{int(rate):,} Hz",
        )
    for percent, dash in zip((100, 50), ("-", (0, (4, 2))), strict=True):
        panel.axhline(percent, color=INK, linestyle=dash, linewidth=0.9)
    _logarithmic(panel, channels)
    panel.set_xlabel("channels (beyond 32: two sensors)")
    panel.set_title("one core of a Pi Zero 2 W, %: estimate", loc="left")
    panel.set_ylim(top=400)  # room for the legend
    panel.legend(frameon=False, fontsize=7, loc="upper left", ncols=3)


def _lines(panel: Axes, plain: Mapping[str, Any]) -> None:
    """The highest rate by channels: of each line, and of half a core by the high end."""
    limits = plain["limits"]
    channels = [one["channels"] for one in limits]
    top = max(row["rate_hz"] for row in plain["rows"])
    half = [one["rates"]["0.5"][0] or np.nan for one in limits]
    panel.plot(channels, half, color="#104b9e", linewidth=2.5, label="half a core, high end")
    for baud, dash in _DASHES.items():
        rates = [one["wire"][f"{baud}"] or np.nan for one in limits]
        panel.plot(
            *(channels, rates), color="#ee5f13", linestyle=dash, marker=".", label=f"{baud:,} baud"
        )
    _logarithmic(panel, channels)
    panel.set_xlabel("channels (beyond 32: two sensors)")
    panel.set_title(f"highest rate, Hz; counted up to {top:,} Hz", loc="left")
    panel.set_ylim(bottom=20)
    panel.legend(frameon=False, fontsize=7, loc="lower left")


def _per_second(instructions: float, hop_ms: int) -> float:
    """Millions."""
    return instructions / hop_ms / 1000


def _logarithmic(panel: Axes, ticks: list[int]) -> None:
    """Both axes, with ticks at what was counted."""
    panel.set_xscale("log")
    panel.set_yscale("log")
    panel.xaxis.set_major_locator(FixedLocator(ticks))
    panel.xaxis.set_minor_locator(NullLocator())
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    panel.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    panel.yaxis.set_minor_formatter(NullFormatter())
