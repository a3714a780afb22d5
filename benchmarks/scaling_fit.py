"""Counted rows in; what each stage costs as a sum of terms, and how far that is off, out.

A cost of one hop is taken to be a sum over the terms of `scaling_points.terms`, none of which can
be less than nothing: non-negative least squares of relative errors, so that a small stream weighs
as much as a large one. Only rows off the fit (`held out`) say how good it is.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from benchmarks.scaling_points import HELD_OUT, Point, row_point, terms

TARGETS = ("instructions", "low_us", "high_us")
Fits = dict[str, dict[str, dict[str, float]]]  # stage, target, term
Row = Mapping[str, Any]


def fitted(rows: Iterable[Row], family: str) -> Fits:
    """Coefficients by stage, target and term: what one of each term costs."""
    used = [row for row in rows if row["role"] != HELD_OUT]
    return {
        stage: {target: _coefficients(used, stage, target, family) for target in TARGETS}
        for stage in used[0]["stages"]
    }


def predicted(fits: Fits, point: Point, family: str) -> dict[str, dict[str, float]]:
    """By stage and target, what one hop of the point costs by the fit."""
    asked = terms(point, family)
    return {
        stage: {
            target: sum(asked[_kind(stage)][term] * cost for term, cost in costs.items())
            for target, costs in targets.items()
        }
        for stage, targets in fits.items()
    }


def judged(rows: Iterable[Row], fits: Fits, family: str) -> dict[str, dict[str, float]]:
    """By stage, and for the whole hop by precision, how far the fit's instructions are off.

    fit_percent, held_out_percent  the largest error of a row, either way, in % of what was counted
    r2  of the held-out rows
    """
    named = [(row, predicted(fits, row_point(row), family)) for row in rows]
    wholes = [name for name in fits if name.startswith("network ")]
    sums: dict[str, tuple[str, ...]] = {stage: (stage,) for stage in fits}
    sums |= {f"whole, {one}": hop_stages(fits, one) for one in wholes}
    return {name: _errors(named, stages) for name, stages in sums.items()}


def hop_stages(stages: Iterable[str], network: str) -> tuple[str, ...]:
    """The stages of a hop with one of the networks."""
    return tuple(one for one in stages if one == network or not one.startswith("network "))


def _coefficients(rows: list[Row], stage: str, target: str, family: str) -> dict[str, float]:
    asked = [terms(row_point(row), family)[_kind(stage)] for row in rows]
    cost = np.array([row["stages"][stage][target] for row in rows], dtype=float)
    matrix = np.array([list(one.values()) for one in asked]) / cost[:, None]
    size = matrix.max(axis=0)  # terms differ by a million: the solver wants them alike
    solved, _ = nnls(matrix / size, np.ones(len(cost)))
    return {name: float(f"{one:.6g}") for name, one in zip(asked[0], solved / size, strict=True)}


def _errors(
    named: list[tuple[Row, dict[str, dict[str, float]]]], stages: tuple[str, ...]
) -> dict[str, float]:
    counted, fit = (
        np.array([sum(one[stage]["instructions"] for stage in stages) for one in side])
        for side in ([row["stages"] for row, _ in named], [guess for _, guess in named])
    )
    held = np.array([row["role"] == HELD_OUT for row, _ in named])
    off = 100 * np.abs(fit / counted - 1)
    return {
        "fit_percent": round(float(off[~held].max()), 2),
        "held_out_percent": round(float(off[held].max()), 2),
        "r2": round(_r2(counted[held], fit[held]), 5),
    }


def _r2(counted: NDArray[np.floating], fit: NDArray[np.floating]) -> float:
    """Of what is alike in all rows nothing can be explained: 1 where nothing varies."""
    varies = float(((counted - counted.mean()) ** 2).sum())
    return 1 - float(((counted - fit) ** 2).sum()) / varies if varies else 1.0


def _kind(stage: str) -> str:
    return stage.partition(" ")[0]
