"""A folder with ncnn's .param and .bin in, what answers one window out.

Its name ends in the arithmetic: `float32` switches off the half precision that ncnn takes by
itself on cores that have it.
"""

from pathlib import Path

import ncnn  # type: ignore[import-not-found]  # of a peer
import numpy as np
from engine_loop import (  # type: ignore[import-not-found]  # beside this file
    Answer,
    Floats,
    run_as_told,
)


def load(path: Path) -> Answer:
    net = ncnn.Net()
    net.opt.num_threads = 1
    if path.name.endswith("float32"):
        net.opt.use_fp16_packed = False
        net.opt.use_fp16_storage = False
        net.opt.use_fp16_arithmetic = False
        net.opt.use_bf16_storage = False
    if net.load_param(str(path / "net.param")) or net.load_model(str(path / "net.bin")):
        raise SystemExit(f"{path}: ncnn cannot load it")
    (taken,), (given,) = net.input_names(), net.output_names()

    def answer(window: Floats) -> Floats:
        run = net.create_extractor()
        run.input(taken, ncnn.Mat(window[0]))
        return np.array(run.extract(given)[1]).ravel()

    return answer


if __name__ == "__main__":
    run_as_told(load)
