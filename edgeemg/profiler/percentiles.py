"""Latencies in; the percentiles that every report names out."""

import numpy as np
from numpy.typing import ArrayLike

PERCENTILES = {"p50": 50, "p90": 90, "p95": 95, "p99": 99, "max": 100}


def percentiles(latencies_us: ArrayLike) -> dict[str, float]:
    """(n,) microseconds -> p50 p90 p95 p99 max."""
    values = np.percentile(np.asarray(latencies_us), list(PERCENTILES.values()))
    return {name: round(float(one), 3) for name, one in zip(PERCENTILES, values, strict=True)}
