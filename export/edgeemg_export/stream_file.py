"""A stream and its whole-window network in; ONNX and TFLite files of the stream out."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from edgeemg.errors import ModelError, needs_extra
from edgeemg.train.models.streaming import Stream, Streamable
from edgeemg_export.onnx_file import write_onnx
from edgeemg_export.phases import phased
from edgeemg_export.pictures import stream_pictures
from edgeemg_export.stream_onnx import quantize_stream_onnx
from edgeemg_export.stream_tflite import quantize_stream_tflite
from edgeemg_export.tflite_graph import slim
from edgeemg_export.tflite_layout import mean_in_place


def stream_of(model: nn.Module, *, family: str, hop_samples: int) -> Stream:
    """The stream of a network; ModelError, with the families that have one, where it has none."""
    if not isinstance(model, Streamable):
        raise ModelError(
            f"{family} has no streaming form: it looks at a window as a whole; train "
            "tcn, causal-cnn or transformer, or export without --stream"
        )
    return model.stream(hop_samples).eval()


def write_stream_onnx(
    stream: Stream,
    hop: NDArray[np.float32],
    path: Path,
    *,
    dividing: int = 0,  # noqa: ARG001  # one signature with TFLite
    floats: bool = False,  # noqa: ARG001
) -> None:
    """Export the stream; the shape of `hop` (1, channel, time) becomes the file's.

    Inputs are emg and the states by name, outputs logits and each state's `<name>_next`.
    """
    names = [one.name for one in stream.state]
    write_onnx(stream, hop, path, state=dict(zip(names, stream.zeros(), strict=True)))


def write_stream_tflite(
    stream: Stream,
    hop: NDArray[np.float32],
    path: Path,
    *,
    dividing: int = 0,
    floats: bool = False,
) -> None:
    """Convert the stream; inputs and outputs are in the same order as in ONNX.

    A state has the axes with which TFLite computes: what is (1, width, step) in the manifest is
    (1, step, width) or (1, 1, step, width) here, and the end of what comes out for it. Only the
    file itself reads it.
    dividing, floats  as in `phased`
    """
    with needs_extra("tflite-export", "writing TFLite"):
        import litert_torch
    first = torch.from_numpy(hop)
    pictures, zeros = stream_pictures(stream, first)
    laid_out = phased(pictures, first, *zeros, dividing=dividing, floats=floats)
    litert_torch.convert(laid_out, (first, *zeros)).export(str(path))
    slim(path)
    mean_in_place(path)


STREAM_WRITERS: dict[str, Callable[..., None]] = {
    "onnx": write_stream_onnx,
    "tflite": write_stream_tflite,
}
STREAM_QUANTIZERS: dict[str, Callable[[Path, Path, Path], None]] = {
    "onnx": quantize_stream_onnx,
    "tflite": quantize_stream_tflite,
}
