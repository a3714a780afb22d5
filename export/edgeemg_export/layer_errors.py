"""A float file and its int8 file in; how far each layer's output is from the float one out.

Signal-to-noise ratio of a layer: 10 log10(sum of squares of the float output / sum of squares of
the difference), in decibels, over all values of all windows. An error made in one layer goes on
through the layers behind it: the first in order that is low is where to look.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeemg_export import onnx_graph, tflite_graph

_WINDOWS = 48  # of the held-out ones, spread evenly: layers are compared, not accuracies
_WORST = 5
_CEILING_DB = 140.0  # of two layers that are equal to rounding
Tensors = Mapping[str, NDArray[np.float32]]
RUN: dict[str, Callable[[Path, NDArray[np.float32]], Iterator[Tensors]]] = {
    "onnx": onnx_graph.run,
    "tflite": tflite_graph.run,
}


@dataclass(frozen=True, slots=True)
class LayerError:
    """One layer of an int8 file beside the same one of the float file."""

    layer: str
    snr_db: float


def layer_errors(
    float_file: Path, int8_file: Path, engine: str, windows: NDArray[np.float32]
) -> list[LayerError]:
    """Every layer that both files have, in the order in which they run."""
    rows = np.linspace(0, len(windows) - 1, min(len(windows), _WINDOWS)).round().astype(int)
    picked = windows[rows]
    signal: dict[str, float] = {}
    noise: dict[str, float] = {}
    both = zip(RUN[engine](float_file, picked), RUN[engine](int8_file, picked), strict=True)
    for whole, narrow in both:
        for name, twin in _twins(whole, narrow):
            wanted = whole[name].astype(np.float64)
            signal[name] = signal.get(name, 0) + float(np.square(wanted).sum())
            error = float(np.square(wanted - narrow[twin]).sum())
            noise[name] = noise.get(name, 0) + error
    return [LayerError(name, _decibels(signal[name], noise[name])) for name in noise]


def worst(errors: list[LayerError]) -> list[LayerError]:
    """The few with the least signal-to-noise ratio, worst first."""
    return sorted(errors, key=lambda one: one.snr_db)[:_WORST]


def _twins(whole: Tensors, narrow: Tensors) -> Iterator[tuple[str, str]]:
    """Names of the same tensor in both: in integers and back (ONNX), or by its own name."""
    for name, values in whole.items():
        candidates = (f"{name}.f", f"{name}_DequantizeLinear_Output", name)
        twin = next((one for one in candidates if one in narrow), None)
        if twin is not None and narrow[twin].shape == values.shape:
            yield name, twin


def _decibels(signal: float, noise: float) -> float:
    if not np.isfinite(noise):
        return -_CEILING_DB
    floor = 10 ** (-_CEILING_DB / 10) * signal
    return round(float(10 * np.log10(max(signal, 1e-30) / max(noise, floor, 1e-30))), 1)
