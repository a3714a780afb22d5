"""What a file answers to the golden inputs, here and at export, in; whether it is right out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeemg.profiler.latency import Logits

_FLOAT_TOLERANCE = 1e-3
# Kernels of other cores may round differently on the same int8 file, by a step of its output or so:
# room for a few such steps, and far from what another file would answer.
_INT8_SHARE = 0.02
_INT8_TOLERANCE = 0.05


@dataclass(frozen=True, slots=True)
class Answers:
    """A file's answers to its golden inputs on this machine, beside those it gave at export.

    largest_difference  of any logit; None where one is not a number, or there are more or fewer
    allowed_difference  the most that is still right
    agreeing_labels     of the golden inputs: on how many the best label is that of the export
    turned_labels       on how many it is not, though the export was sure of it
    """

    largest_difference: float | None
    allowed_difference: float
    agreeing_labels: int
    turned_labels: int
    golden_inputs: int

    @property
    def correct(self) -> bool:
        """Whether every logit is near enough and no label has turned."""
        off = self.largest_difference
        return off is not None and off <= self.allowed_difference and not self.turned_labels

    def wrong_by(self) -> str:
        """How far the answers are off, to read."""
        turned = f", {self.turned_labels} labels turned" if self.turned_labels else ""
        return f"off by {in_words(self.largest_difference)}{turned}"


def allowed_difference(precision: str, expected: NDArray[np.float32]) -> float:
    """How far a file's logits may be off `expected`, (n, class), which it gave at export.

    1e-3 for float32. For int8 2 % of the range of the logits, a few of the steps in which they
    come, but not less than 0.05: kernels of another core may round a step otherwise.
    """
    if precision != "int8":
        return _FLOAT_TOLERANCE
    return max(_INT8_TOLERANCE, _INT8_SHARE * float(np.ptp(expected)))


def judge(answered: Sequence[Logits], expected: NDArray[np.float32], *, allowed: float) -> Answers:
    """Compare what a file answers here with what it answered at export.

    answered  (round, n, class) logits, None for what is not a number; all rounds must be right
    expected  (n, class)
    allowed   the largest difference of a logit that is still right. A label counts as turned
              where the best logit at export led the second by more than this.
    """
    logits = np.array(answered, dtype=np.float64)  # None becomes NaN
    if logits.shape[1:] != expected.shape:
        return Answers(None, allowed, 0, len(expected), len(expected))
    difference = float(np.abs(logits - expected).max())
    agrees = (logits.argmax(axis=-1) == expected.argmax(axis=-1)).all(axis=0)
    second, best = np.sort(expected, axis=-1)[:, -2:].T
    return Answers(
        largest_difference=difference if np.isfinite(difference) else None,
        allowed_difference=allowed,
        agreeing_labels=int(agrees.sum()),
        turned_labels=int((~agrees & (best - second > allowed)).sum()),
        golden_inputs=len(expected),
    )


def in_words(difference: float | None) -> str:
    """A difference to read; None stands for logits that are not numbers."""
    return "not a number" if difference is None else f"{difference:.2g}"
