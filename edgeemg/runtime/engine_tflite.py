"""A TFLite file in, logits out, through ai-edge-litert or its predecessor tflite-runtime."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeemg.errors import EngineError
from edgeemg.runtime.libraries import import_library, version_of


class TfliteEngine:
    """One interpreter with one thread; integer inputs and outputs are scaled in here."""

    def __init__(self, path: Path, precision: str) -> None:
        library, distribution = import_library("tflite", purpose=f"running {path.name}")
        try:
            self._interpreter = library.Interpreter(model_path=str(path), num_threads=1)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise EngineError(f"{path}: {distribution} refuses it ({reason})") from error
        # a nightly build or a system's own package has another name
        self.name = f"{distribution} {version_of(distribution) or 'of unknown version'}"
        self.precision = precision
        self._input: dict[str, Any] = self._interpreter.get_input_details()[0]
        self._output: dict[str, Any] = self._interpreter.get_output_details()[0]

    def logits(self, model_input: NDArray[np.float32]) -> NDArray[np.float32]:
        """(1, channel, time) float32 -> (class,) float32."""
        self._interpreter.set_tensor(self._input["index"], _quantized(model_input, self._input))
        self._interpreter.invoke()
        return _dequantized(self._interpreter.get_tensor(self._output["index"])[0], self._output)


def _quantized(values: NDArray[np.float32], tensor: dict[str, Any]) -> NDArray[Any]:
    """Real values as the tensor's integers: rounded, clipped to the type, then cast."""
    dtype = np.dtype(tensor["dtype"])
    if dtype.kind != "i":
        return values
    step, zero = tensor["quantization"]
    limits = np.iinfo(dtype)
    whole: NDArray[Any] = np.clip(np.rint(values / step) + zero, limits.min, limits.max)
    return whole.astype(dtype)


def _dequantized(values: NDArray[Any], tensor: dict[str, Any]) -> NDArray[np.float32]:
    if values.dtype.kind != "i":
        return np.asarray(values, dtype=np.float32)
    step, zero = tensor["quantization"]
    real: NDArray[np.float32] = ((values.astype(np.float32) - zero) * step).astype(np.float32)
    return real
