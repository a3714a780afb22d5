"""Weights as .npz in, what answers one window out, through PyTorch without any compiler.

The .json beside the file says which network they are of.
"""

import json
from pathlib import Path

import numpy as np
import torch
from engine_loop import (  # type: ignore[import-not-found]  # beside this file
    Answer,
    Floats,
    run_as_told,
)

from edgeemg.train.models import make_model


def load(path: Path) -> Answer:
    torch.set_num_threads(1)
    with np.load(path, allow_pickle=False) as arrays:
        weights = {name: torch.from_numpy(arrays[name]) for name in arrays.files}
    model = make_model(**json.loads(path.with_suffix(".json").read_text(encoding="ascii")))
    model.load_state_dict(weights)
    model.eval()

    def answer(window: Floats) -> Floats:
        with torch.inference_mode():
            return model(torch.from_numpy(window))[0].numpy()

    return answer


if __name__ == "__main__":
    run_as_told(load)
