"""Option types for numbers: click's range of floats lets nan and infinity through."""

import math
from typing import Any

import click


class FiniteRange(click.FloatRange):
    """A float in a range that is a number and finite."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


POSITIVE = FiniteRange(min=0, min_open=True)
FRACTION = FiniteRange(0, 1)
