"""Counts in, rates and shares with exact intervals out."""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
_HALVINGS = 60  # of an interval: to the last bit of a double


@dataclass(frozen=True, slots=True)
class Estimate:
    """`count` events over `of` hours (a rate an hour) or of `of` tries (a share from 0 to 1).

    low, high  exact two-sided 95 % interval; value is None where there was nothing to count in
    """

    value: float | None
    low: float
    high: float | None
    count: int
    of: float

    def plain(self) -> dict[str, float | None]:
        """As JSON takes it."""
        return asdict(self)


def rate_an_hour(count: int, hours: float) -> Estimate:
    """Events of a Poisson process and the hours watched -> the rate an hour.

    Interval of Garwood 1936, Biometrika 28: the rates at which so many events or more, and so
    many or fewer, have a chance of 2.5 %.
    """
    if hours <= 0:
        return Estimate(None, 0.0, None, count, 0.0)
    tail = (1 - CONFIDENCE) / 2
    low = 0.0 if count == 0 else _mean_at(count - 1, 1 - tail)
    return Estimate(count / hours, low / hours, _mean_at(count, tail) / hours, count, hours)


def share(count: int, of: int) -> Estimate:
    """Successes in independent tries -> their share.

    Interval of Clopper and Pearson 1934, Biometrika 26, made as Garwood's is.
    """
    assert 0 <= count <= of, f"{count} of {of}"
    if of == 0:
        return Estimate(None, 0.0, 1.0, 0, 0)
    tail = (1 - CONFIDENCE) / 2
    low = 0.0 if count == 0 else _chance_at(count - 1, of, 1 - tail)
    high = 1.0 if count == of else _chance_at(count, of, tail)
    return Estimate(count / of, low, high, count, of)


def poisson_at_most(count: int, mean: float) -> float:
    """The chance of `count` events or fewer where `mean` are expected."""
    if mean <= 0:
        return 1.0
    number = np.arange(count + 1)
    return _sum(number * math.log(mean) - mean - _log_factorials(count))


def _binomial_at_most(count: int, of: int, chance: float) -> float:
    if chance <= 0:
        return 1.0
    if chance >= 1:
        return float(count >= of)
    number = np.arange(count + 1)
    logs = _log_factorials(of)
    ways = logs[of] - logs[number] - logs[of - number]
    return _sum(ways + number * math.log(chance) + (of - number) * math.log1p(-chance))


def _mean_at(count: int, chance: float) -> float:
    """The Poisson mean at which `count` or fewer have this chance."""
    above = count + 10 + 10 * math.sqrt(count + 1)
    return _falls_to(chance, lambda mean: poisson_at_most(count, mean), above)


def _chance_at(count: int, of: int, chance: float) -> float:
    """The chance of a success at which `count` or fewer have this chance."""
    return _falls_to(chance, lambda one: _binomial_at_most(count, of, one), 1.0)


def _falls_to(level: float, falling: Callable[[float], float], above: float) -> float:
    """Where in 0..above a falling function crosses `level`, by bisection."""
    low, high = 0.0, above
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if falling(middle) > level:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _log_factorials(most: int) -> NDArray[np.float64]:
    """(most + 1,) natural logarithms of 0! to most!."""
    logs: NDArray[np.float64] = np.log(np.maximum(np.arange(most + 1), 1))
    return np.cumsum(logs)


def _sum(logs: NDArray[np.float64]) -> float:
    return min(1.0, float(np.exp(logs).sum()))
