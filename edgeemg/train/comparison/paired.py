"""Figures of two models on the same folds in, their difference with its uncertainty out.

Folds share most of their training trials, so their differences are not independent and a plain
t interval is far too narrow. Nadeau and Bengio (Inference for the generalization error, Machine
Learning 52, 2003) correct the variance of the mean of k differences from s^2 / k to
s^2 (1 / k + n_test / n_train); Bouckaert and Frank (2004) recommend it for cross-validation. With 5
folds and all training trials an interval is 1.5 times as wide, with fewer of them wider still.
People with a model of their own each are independent: their differences get the plain interval.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_LEAST = 3  # differences; two of them say nothing about how far they spread


@dataclass(frozen=True, slots=True)
class Difference:
    """Mean of the differences, and its 95 % interval; None where there are too few of them."""

    mean: float
    low: float | None
    high: float | None
    n: int


def difference(one: Sequence[float], other: Sequence[float], *, overlap: float) -> Difference:
    """`one` minus `other`, fold by fold.

    overlap  n_test / n_train of a fold, the larger of the two; 0 where no two share training trials
    """
    from scipy.stats import t

    apart = np.subtract(one, other)
    n, mean = len(apart), float(np.mean(apart))
    if n < _LEAST:
        return Difference(mean, None, None, n)
    half = float(t.ppf(0.975, n - 1) * np.std(apart, ddof=1) * np.sqrt(1 / n + overlap))
    return Difference(mean, mean - half, mean + half, n)
