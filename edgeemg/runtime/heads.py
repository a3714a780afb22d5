"""A file's embedding and another last layer in, logits out: what calibration changes of a network.

The model file stays as it was exported. Its own last layer still runs, and is not asked.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edgeemg.errors import EngineError
from edgeemg.runtime.streams import Embedding, State, Steps, advance


class EmbeddingSteps(Steps, Embedding, Protocol):
    """A model file, call by call, that gives its embedding too."""

    name: str
    precision: str


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """A last linear layer: weight (class, width) and bias (class,), float32."""

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]

    def logits(self, embedding: NDArray[np.floating]) -> NDArray[np.float32]:
        """(..., width) -> (..., class)."""
        return np.asarray(embedding @ self.weight.T + self.bias, dtype=np.float32)


class HeadedEngine:
    """A model file whose last layer is replaced. EngineError where the two do not fit."""

    def __init__(self, engine: EmbeddingSteps, head: Head) -> None:
        if head.weight.ndim != 2 or head.weight.shape != (len(head.bias), engine.embedding_size):
            raise EngineError(
                f"the {engine.precision} model gives an embedding of {engine.embedding_size} "
                f"numbers, its new last layer takes {head.weight.shape[-1:]}: export the bundle "
                "again, and calibrate it again"
            )
        self.name, self.precision = engine.name, engine.precision
        self.hop_samples, self.state_sizes = engine.hop_samples, engine.state_sizes
        self.embedding_size = engine.embedding_size
        self._engine = engine
        self._head = head

    def start(self) -> State:
        """The state before the first call; of a model of windows, none."""
        return self._engine.start()

    def step(
        self, model_input: NDArray[np.float32], state: State
    ) -> tuple[NDArray[np.float32], State]:
        """(1, channel, hop) float32 and a state -> (class,) float32 and the next state."""
        embedding, following = self._engine.embed(model_input, state)
        return self._head.logits(embedding), following

    def embed(
        self, model_input: NDArray[np.float32], state: State
    ) -> tuple[NDArray[np.float32], State]:
        """(1, channel, hop) float32 and a state -> (width,) float32 and the next state."""
        return self._engine.embed(model_input, state)

    def logits(self, model_input: NDArray[np.float32]) -> NDArray[np.float32]:
        """(1, channel, window) float32 -> (class,) float32; of a stream, hop by hop from zeros."""
        return advance(self, model_input, self.start())[0]


class _Embedder:
    """Steps whose answer is the embedding, so that a window of a stream can be gone through."""

    def __init__(self, engine: EmbeddingSteps) -> None:
        self.hop_samples, self.state_sizes = engine.hop_samples, engine.state_sizes
        self.start, self.step = engine.start, engine.embed


def embedding(engine: EmbeddingSteps, model_input: NDArray[np.float32]) -> NDArray[np.float32]:
    """(1, channel, window) float32 -> (width,) float32; of a stream, hop by hop from zeros.

    EngineError where the file does not give one.
    """
    if not engine.embedding_size:
        raise EngineError(
            f"the {engine.precision} model gives no embedding, an earlier edgeemg wrote it: "
            "export the bundle again"
        )
    return advance(_Embedder(engine), model_input, engine.start())[0]
