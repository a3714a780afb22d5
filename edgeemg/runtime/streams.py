"""Windows and hops in, logits out: the state of a streaming model, fed and kept.

A streaming model takes the samples of one hop and the state that its last call gave. Every window
that it answers for has gone in hop by hop, so what it started from has left its state by then:
any start gives the same logits, and zeros serve for every file.
"""

from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

# One entry a state, in the file's own order; arrays or bytes, as the engine can take them fastest.
State = tuple[Any, ...]
EMBEDDING_NAME = "embedding"  # of the output that the last linear layer reads, in ONNX files


@runtime_checkable
class Steps(Protocol):
    """One model file, call by call. A model of windows has no state, and its hop is the window.

    hop_samples  new samples that one call takes
    state_sizes  how many numbers each state holds
    """

    hop_samples: int
    state_sizes: tuple[int, ...]

    def start(self) -> State:
        """The state before the first call."""
        ...

    def step(
        self, model_input: NDArray[np.float32], state: State
    ) -> tuple[NDArray[np.float32], State]:
        """(1, channel, hop) float32 and a state -> (class,) float32 logits and the next state.

        The file keeps nothing between calls, and changes no array that it was given.
        """
        ...


class Embedding(Protocol):
    """What a file gives besides, where it was exported so.

    embedding_size  numbers that the last linear layer reads; 0 of a file that does not give them
    """

    embedding_size: int

    def embed(
        self, model_input: NDArray[np.float32], state: State
    ) -> tuple[NDArray[np.float32], State]:
        """(1, channel, hop) float32 and a state -> (width,) float32 embedding and the next state.

        Only where `embedding_size` is not 0.
        """
        ...


def advance(
    steps: Steps, samples: NDArray[np.float32], state: State
) -> tuple[NDArray[np.float32], State]:
    """(1, channel, hops * hop) on from a state -> the last hop's (class,) logits, and the state.

    ValueError where the samples are no whole number of hops, or none.
    """
    length, hop = samples.shape[-1], steps.hop_samples
    if length == hop or not state:
        return steps.step(samples, state)
    if length % hop or not length:
        raise ValueError(f"it takes hops of {hop} samples, got {length}")
    logits = np.empty(0, dtype=np.float32)
    for first in range(0, length, hop):
        one = np.ascontiguousarray(samples[..., first : first + hop])
        logits, state = steps.step(one, state)
    return logits, state


class Follower:
    """Holds the state of a streaming model from hop to hop.

    name, precision  as the engine's
    """

    def __init__(self, steps: Steps, *, name: str, precision: str) -> None:
        self.name, self.precision = name, precision
        self._steps = steps
        self._state = steps.start()

    def logits(self, model_input: NDArray[np.float32]) -> NDArray[np.float32]:
        """(1, channel, time) -> (class,) logits.

        One hop follows the samples of the last call. A window does not: it starts anew.
        """
        if model_input.shape[-1] == self._steps.hop_samples:
            logits, self._state = self._steps.step(model_input, self._state)
            return logits
        logits, self._state = advance(self._steps, model_input, self._steps.start())
        return logits
