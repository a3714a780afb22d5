"""What goes wrong on a wireless link, on request and the same for the same seed."""

import numpy as np
from numpy.typing import NDArray


def dropped_rows(n_rows: int, fraction: float, *, seed: int) -> NDArray[np.bool_]:
    """(n_rows,) bool, True where a packet is lost: each one alike, with this probability.

    Raises ValueError for a fraction outside 0..1.
    """
    if not 0 <= fraction <= 1:
        raise ValueError(f"the fraction to drop must be in 0..1, got {fraction}")
    lost: NDArray[np.bool_] = np.random.default_rng(seed).random(n_rows) < fraction
    return lost
