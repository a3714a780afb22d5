"""A float file's tensors over calibration windows in, the range that int8 covers of each out."""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

# Of windows, not of values: an electrode pop fills many values of few windows. Ranges from 99.9 %
# of values to all of them differ by less than 0.3 % of labels (docs/quantisation.md).
PERCENTILE = 99.5

Range = tuple[float, float]


def ranges(windows: Iterable[Mapping[str, NDArray[np.float32]]]) -> dict[str, Range]:
    """Lowest and highest value of each tensor, without the most extreme half percent of windows.

    windows  for each calibration window the tensors by name
    """
    lows: dict[str, list[float]] = {}
    highs: dict[str, list[float]] = {}
    for tensors in windows:
        for name, values in tensors.items():
            lows.setdefault(name, []).append(float(values.min()))
            highs.setdefault(name, []).append(float(values.max()))
    return {
        name: (
            float(np.percentile(lows[name], 100 - PERCENTILE)),
            float(np.percentile(highs[name], PERCENTILE)),
        )
        for name in lows
    }


def off_scale(windows: NDArray[np.float32], clip: float) -> str:
    """What is wrong with calibration windows that no model input can be; empty if nothing.

    clip  what every input is clipped to (Manifest.clip)
    """
    largest = float(np.abs(windows).max())
    if largest <= clip * (1 + 1e-6):
        return ""
    return (
        f"calibration windows reach {largest:,.0f} where inputs are clipped to {clip:g}: "
        "they are corrupted"
    )
