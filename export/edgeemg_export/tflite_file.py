"""A network in, TFLite files out: float from litert-torch, int8 from ai-edge-quantizer."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from edgeemg.errors import needs_extra

STATIC = "static_wi8_ai8"
DYNAMIC = "dynamic_wi8_afp32"
WEIGHT_ONLY = "weight_only_wi8_afp32"
# Static where a family is not named. In static int8 the norms and softmax of attention fall out of
# the fast kernels and cost labels, and a GRU, of which TFLite gets the loop written out, gains
# nothing. Their weights become int8, their activations are integers inside a product only.
# The last two take magnitudes or logarithms of a spectrum within the network. Such tensors span too
# much for one scale, and for lda also for one measured anew in every window: only the weights
# become int8, and all arithmetic is float.
RECIPES = {
    "transformer": DYNAMIC,
    "simple-transformer": DYNAMIC,
    "hybrid": DYNAMIC,
    "gru": DYNAMIC,
    "fft-cnn": WEIGHT_ONLY,
    "lda": WEIGHT_ONLY,
}
_PERCENTILE = 99.5  # of windows


def write_tflite(model: nn.Module, example: NDArray[np.float32], path: Path) -> None:
    """Convert the network; the shape of `example` (1, channel, time) becomes the file's."""
    with needs_extra("tflite-export", "writing TFLite"):
        import litert_torch
    litert_torch.convert(model, (torch.from_numpy(example),)).export(str(path))


def quantize_tflite(
    source: Path, target: Path, calibration: NDArray[np.float32], *, family: str
) -> str:
    """Quantise with the family's recipe and return its name; `calibration` as for ONNX."""
    with needs_extra("tflite-export", "quantising TFLite"):
        from ai_edge_quantizer import quantizer, recipe

    name = RECIPES.get(family, STATIC)
    work = quantizer.Quantizer(str(source))
    work.load_quantization_recipe(getattr(recipe, name)())
    ranges = _ranges(work, source, calibration) if work.need_calibration else None
    work.quantize(ranges).export_model(str(target), overwrite=True)
    return name


def _ranges(
    work: Any, source: Path, calibration: NDArray[np.float32]
) -> dict[str, dict[str, NDArray[np.float32]]]:
    """Each tensor's range: a high percentile, over windows, of the extremes within a window.

    The quantiser's own calibration is a moving average of the extremes: it would cut off the
    loud half of the windows.
    """
    from ai_edge_litert.interpreter import Interpreter

    ((signature, ends),) = Interpreter(model_path=str(source)).get_signature_list().items()
    (input_name,) = ends["inputs"]
    seen = [
        work.calibrate({signature: [{input_name: window[None]}]}, num_threads=1)
        for window in calibration
    ]
    ranges = {}
    for tensor, first in seen[0].items():
        ranges[tensor] = dict(first)
        if "min" in first:
            lows = np.stack([one[tensor]["min"] for one in seen])
            highs = np.stack([one[tensor]["max"] for one in seen])
            low = np.percentile(lows, 100 - _PERCENTILE, axis=0)
            high = np.percentile(highs, _PERCENTILE, axis=0)
            ranges[tensor] |= {"min": low.astype(np.float32), "max": high.astype(np.float32)}
    return ranges
