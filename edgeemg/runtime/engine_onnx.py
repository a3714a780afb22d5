"""An ONNX file in, logits out, through onnxruntime."""

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeemg.errors import EngineError
from edgeemg.runtime.libraries import import_library
from edgeemg.runtime.streams import EMBEDDING_NAME, State, advance

_DTYPES = {"tensor(float)": np.float32, "tensor(int8)": np.int8, "tensor(uint8)": np.uint8}


def session_options(ort: Any) -> Any:
    """onnxruntime's options for a small model on a small board, of the module `ort`.

    A model of tens of thousands of parameters lives in the first-level caches: more threads only
    cost, a spinning pool burns a core, and the memory arena holds what is never used.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # As on ARM: x86 would make uint8 of int8 where it can, and run what lies between in float.
    options.add_session_config_entry("session.qdqisint8allowed", "1")
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    options.log_severity_level = 3  # errors only: warnings about graphics cards help nobody
    return options


class OnnxEngine:
    """One onnxruntime session with one thread."""

    def __init__(self, path: Path, precision: str) -> None:
        ort, _ = import_library("onnx", purpose=f"running {path.name}")
        try:
            self._session = ort.InferenceSession(
                str(path), session_options(ort), providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            reason = str(error).splitlines()[0]
            raise EngineError(f"{path}: onnxruntime refuses it ({reason})") from error
        self.name = f"onnxruntime {ort.__version__}"
        self.precision = precision
        emg, *states = self._session.get_inputs()
        self.hop_samples = int(emg.shape[-1])
        self._names = [one.name for one in (emg, *states)]
        logits, *following = self._session.get_outputs()
        found = [one for one in following if one.name == EMBEDDING_NAME]
        self.embedding_size = math.prod(found[0].shape) if found else 0
        self._following = [one.name for one in following if one not in found]
        self._gives = [logits.name, *self._following]
        self._start = tuple(np.zeros(one.shape, _DTYPES[one.type]) for one in states)
        self.state_sizes = tuple(one.size for one in self._start)

    def start(self) -> State:
        """The state before the first call; of a model of windows, none."""
        return self._start

    def step(
        self, model_input: NDArray[np.float32], state: State
    ) -> tuple[NDArray[np.float32], State]:
        """(1, channel, hop) float32 and a state -> (class,) float32 and the next state."""
        feed = dict(zip(self._names, (model_input, *state), strict=True))
        logits, *following = self._session.run(self._gives, feed)
        return np.asarray(logits[0], dtype=np.float32), tuple(following)

    def embed(
        self, model_input: NDArray[np.float32], state: State
    ) -> tuple[NDArray[np.float32], State]:
        """As `step`, with the (width,) embedding instead of logits; not where its size is 0."""
        feed = dict(zip(self._names, (model_input, *state), strict=True))
        embedding, *following = self._session.run([EMBEDDING_NAME, *self._following], feed)
        return np.asarray(embedding, dtype=np.float32).ravel(), tuple(following)

    def logits(self, model_input: NDArray[np.float32]) -> NDArray[np.float32]:
        """(1, channel, window) float32 -> (class,) float32; of a stream, hop by hop from zeros."""
        return advance(self, model_input, self._start)[0]
