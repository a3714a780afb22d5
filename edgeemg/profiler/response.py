"""Filter sections in, the frequencies that they let through, for people, out."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

_POINTS = 60_000  # on a logarithmic scale: 0.03 Hz apart at 125 Hz, finer than any notch
_LOWEST = 1e-5  # of the sample rate
_HALF_POWER = 0.5  # of the strongest: -3 dB


def pass_bands(sections: ArrayLike, sample_rate_hz: float) -> list[tuple[float, float]]:
    """The stretches (from, to) in Hz that keep at least half of their power.

    sections  (n, 6) rows of b0 b1 b2 a0 a1 a2; no rows let everything through
    0 and half the sample rate stand for an end that is open.
    """
    sos: NDArray[np.float64] = np.asarray(sections, dtype=np.float64).reshape(-1, 6)
    nyquist = sample_rate_hz / 2
    hz = np.geomspace(_LOWEST * sample_rate_hz, nyquist, _POINTS)
    power = _power(sos, hz / sample_rate_hz)
    kept = np.concatenate([[False], power >= _HALF_POWER * power.max(), [False]])
    starts = np.flatnonzero(kept[1:] & ~kept[:-1])
    ends = np.flatnonzero(kept[:-1] & ~kept[1:]) - 1
    last = len(hz) - 1
    return [
        (float(hz[start]) if start else 0.0, float(hz[end]) if end < last else nyquist)
        for start, end in zip(starts, ends, strict=True)
    ]


def _power(sos: NDArray[np.float64], cycles_per_sample: NDArray[np.float64]) -> NDArray[np.float64]:
    """|H|^2 of the cascade at each frequency."""
    z = np.exp(-2j * np.pi * cycles_per_sample)
    power = np.ones(len(z))
    for b0, b1, b2, a0, a1, a2 in sos:
        power *= np.abs((b0 + b1 * z + b2 * z**2) / (a0 + a1 * z + a2 * z**2)) ** 2
    return power
