"""A .pte file in, what answers one window out, through ExecuTorch's C++ runtime.

EDGEEMG_EXECUTORCH names the compiled engine_executorch.cpp; the .json beside the file says how many
channels, samples and classes there are.
"""

import ctypes
import json
import os
from pathlib import Path

import numpy as np
from engine_loop import (  # type: ignore[import-not-found]  # beside this file
    Answer,
    Floats,
    run_as_told,
)


def load(path: Path) -> Answer:
    channels, samples, classes = json.loads(path.with_suffix(".json").read_text(encoding="ascii"))
    library = ctypes.CDLL(os.environ["EDGEEMG_EXECUTORCH"])
    library.open_program.restype = ctypes.c_void_p
    held = np.zeros((1, channels, samples), np.float32)
    logits = np.zeros(classes, np.float32)
    source, target = (one.ctypes.data_as(ctypes.c_void_p) for one in (held, logits))
    opened = library.open_program(str(path).encode(), source, channels, samples)
    if not opened:
        raise SystemExit(f"{path}: ExecuTorch cannot load it")
    program = ctypes.c_void_p(opened)

    def answer(window: Floats) -> Floats:
        held[...] = window
        if error := library.run_program(program, target, classes):
            raise SystemExit(f"{path}: ExecuTorch's error {error}")
        return logits.copy()

    return answer


if __name__ == "__main__":
    run_as_told(load)
