"""A .tflite file in, what answers one window out, through LiteRT or tflite-runtime.

Inputs and outputs are read and written in the interpreter's own memory, which its documentation
offers (`tensor()`); int8 inputs are scaled as edgeemg scales them.
"""

from pathlib import Path
from typing import Any

import numpy as np
from engine_loop import (  # type: ignore[import-not-found]  # beside this file
    Answer,
    Floats,
    run_as_told,
)
from numpy.typing import NDArray

try:
    from ai_edge_litert.interpreter import Interpreter
except ImportError:
    from tflite_runtime.interpreter import Interpreter


def load(path: Path) -> Answer:
    interpreter = Interpreter(model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    interpreter.invoke()  # what has no fixed place in memory is moved now
    taken, given = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    samples, logits = interpreter.tensor(taken["index"]), interpreter.tensor(given["index"])

    def answer(window: Floats) -> Floats:
        samples()[...] = window if taken["dtype"] is np.float32 else _whole(window, taken)
        interpreter.invoke()
        values = logits()[0].copy()
        return values if given["dtype"] is np.float32 else _real(values, given)

    return answer


def _whole(values: Floats, tensor: dict[str, Any]) -> NDArray[Any]:
    step, zero = tensor["quantization"]
    limits = np.iinfo(tensor["dtype"])
    whole: NDArray[Any] = np.clip(np.rint(values / step) + zero, limits.min, limits.max)
    return whole.astype(tensor["dtype"])


def _real(values: NDArray[Any], tensor: dict[str, Any]) -> Floats:
    step, zero = tensor["quantization"]
    return ((values.astype(np.float32) - zero) * step).astype(np.float32)


if __name__ == "__main__":
    run_as_told(load)
