"""Logits in, probabilities out."""

import numpy as np
from numpy.typing import NDArray


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """(..., class) -> probabilities over the last axis.

    A vector that is not finite names nothing: every class is as likely.
    """
    wide = np.asarray(logits, dtype=np.float64)
    wide = np.where(np.isfinite(wide).all(axis=-1, keepdims=True), wide, 0.0)
    shifted = np.exp(wide - wide.max(axis=-1, keepdims=True))
    probabilities: NDArray[np.float64] = shifted / shifted.sum(axis=-1, keepdims=True)
    return probabilities
