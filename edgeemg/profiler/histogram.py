"""Latencies in; how many fell into each of bins that widen by a twentieth out."""

import math
from typing import TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray

_STEP = 1.05  # finer than what two runs differ by, and a hundred times fewer numbers than raw


class Histogram(TypedDict):
    """`counts` (n,) between `edges_us` (n + 1,), which rise from the fastest to the slowest."""

    edges_us: list[float]
    counts: list[int]


def histogram(latencies_us: ArrayLike) -> Histogram:
    """(n,) microseconds, all above 0 -> every one of them in a bin; edges are powers of 1.05.

    The same edges for all files, so that two histograms can be laid over each other.
    """
    values: NDArray[np.float64] = np.asarray(latencies_us, dtype=np.float64)
    low = math.floor(math.log(values.min(), _STEP))
    high = math.floor(math.log(values.max(), _STEP)) + 1
    # a value on an edge may round to either side of it
    edges = _STEP ** np.arange(low - 1, high + 2)
    counts, _ = np.histogram(values, bins=edges)
    filled = np.flatnonzero(counts)
    first, last = int(filled[0]), int(filled[-1])
    return {
        "edges_us": [round(float(one), 4) for one in edges[first : last + 2]],
        "counts": counts[first : last + 1].tolist(),
    }
