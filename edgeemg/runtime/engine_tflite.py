"""A TFLite file in, logits out, through ai-edge-litert or its predecessor tflite-runtime."""

import ctypes
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeemg.errors import EngineError
from edgeemg.runtime.libraries import import_library, title_of
from edgeemg.runtime.streams import State, advance

_ALIGNMENT = 64  # bytes, of a tensor in the interpreter's memory
_JOIN = b"".join


class TfliteEngine:
    """One interpreter with one thread; integer inputs and outputs are scaled in here."""

    def __init__(self, path: Path, precision: str) -> None:
        library, distribution = import_library("tflite", purpose=f"running {path.name}")
        try:
            self._interpreter = library.Interpreter(model_path=str(path), num_threads=1)
            self._interpreter.allocate_tensors()
            self._interpreter.invoke()  # what has no fixed place in memory is moved now
        except (ValueError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise EngineError(f"{path}: {distribution} refuses it ({reason})") from error
        self.name = title_of(library, distribution)
        self.precision = precision
        self._input: dict[str, Any]
        self._output: dict[str, Any]
        self._input, *states = self._interpreter.get_input_details()
        self._output, *following = self._interpreter.get_output_details()
        # behind the logits and the next states, in files that give it
        embedding = following.pop() if len(following) > len(states) else None
        self.hop_samples = int(self._input["shape"][-1])
        self.state_sizes = tuple(math.prod(one["shape"].tolist()) for one in states)
        self._shape = tuple(self._input["shape"].tolist())
        self._size = math.prod(self._shape)
        self._run = _unguarded(self._interpreter)
        # asked once: at every hop it would cost 2 % of a hop
        self._rounds = self._input["dtype"] is not np.float32
        self._scales = self._output["dtype"] is not np.float32
        samples = np.frombuffer(self._place(self._input), dtype=self._input["dtype"])
        self._samples = samples.reshape(self._shape)
        self._logits = np.frombuffer(self._place(self._output), dtype=self._output["dtype"])
        self.embedding_size = math.prod(embedding["shape"].tolist()) if embedding else 0
        if embedding is not None:
            self._embedding: dict[str, Any] = embedding
            place = self._place(embedding)
            self._embedded = np.frombuffer(place, dtype=embedding["dtype"])
        places = [self._place(one) for one in states]
        # more may come out for a state than goes in: the next one is its end
        pairs = zip(places, following, strict=True)
        tails = [(self._place(one), len(place)) for place, one in pairs]
        spans, following_parts = _neighbours(places, tails)
        self._start = tuple(bytes(len(one)) for one in spans)
        # nearly always one: a loop over it alone takes 3 % of a hop
        self._span, *others = spans or [memoryview(b"")]
        self._parts, *self._other_parts = following_parts or [[]]
        self._others = tuple(enumerate(others, start=1))

    def start(self) -> State:
        """The state before the first call; of a model of windows, none."""
        return self._start

    def step(
        self, model_input: NDArray[np.float32], state: State
    ) -> tuple[NDArray[np.float32], State]:
        """(1, channel, hop) float32 and a state -> (class,) float32 and the next state.

        A state is bytes and goes back in as it came out: integers stay the same integers. States
        that are neighbours in the interpreter's memory are one, with what is between them.
        """
        following = self._invoke(model_input, state)
        logits = self._logits.copy()
        return _dequantized(logits, self._output) if self._scales else logits, following

    def embed(
        self, model_input: NDArray[np.float32], state: State
    ) -> tuple[NDArray[np.float32], State]:
        """As `step`, with the (width,) embedding instead of logits; not where its size is 0."""
        following = self._invoke(model_input, state)
        return _dequantized(self._embedded.copy(), self._embedding), following

    def logits(self, model_input: NDArray[np.float32]) -> NDArray[np.float32]:
        """(1, channel, window) float32 -> (class,) float32; of a stream, hop by hop from zeros."""
        return advance(self, model_input, self._start)[0]

    def _invoke(self, model_input: NDArray[np.float32], state: State) -> State:
        if model_input.size != self._size:  # numpy would repeat what is smaller
            raise self._misfit(model_input)
        try:
            self._samples[...] = (
                _quantized(model_input, self._input) if self._rounds else model_input
            )
        except ValueError as error:
            raise self._misfit(model_input) from error
        if not self._parts:  # a model of windows
            self._run()
            return ()
        self._span[:] = state[0]
        for n, place in self._others:
            place[:] = state[n]
        self._run()
        following = _JOIN(self._parts)
        return (following, *map(_JOIN, self._other_parts)) if self._others else (following,)

    def _misfit(self, model_input: NDArray[np.float32]) -> ValueError:
        return ValueError(f"it takes {self._shape}, got {model_input.shape}")

    def _place(self, tensor: dict[str, Any]) -> memoryview:
        """Where the interpreter keeps a tensor, to read and write it there.

        set_tensor and get_tensor cost five times as much, and a stream needs a dozen of them a
        hop. Shapes are fixed and memory is allocated once, so a place holds as long as the
        interpreter does.
        """
        there = self._interpreter.tensor(tensor["index"])()
        address = there.__array_interface__["data"][0]
        return _memory(address, there.nbytes)


def _unguarded(interpreter: Any) -> Callable[[], object]:
    """What `interpreter.invoke` calls once it has found no array over the interpreter's memory.

    It looks anew at every call, for 2 % of a hop, since memory could move under such an array. Ours
    are made behind the call that moves it. A library without that name is called as usual.
    """
    inner = getattr(interpreter, "_interpreter", None)
    run: Callable[[], object] = getattr(inner, "Invoke", interpreter.invoke)
    return run


def _neighbours(
    places: list[memoryview], sources: list[tuple[memoryview, int]]
) -> tuple[list[memoryview], list[list[Any]]]:
    """Where states go in, neighbours joined, and for each such place what it is filled with.

    places   for each state where it goes in
    sources  for each where it comes out, and how many bytes at the end of that are the next one
    The interpreter gives every tensor a place that begins at a multiple of 64 bytes. What is left
    between one and the next is smaller than that and holds nothing, so that any bytes fill it;
    those before the next state do. A copy for each state costs five times one over all.
    """
    spans: list[tuple[int, int]] = []
    parts: list[list[Any]] = []
    for place, (source, size) in zip(places, sources, strict=True):
        address = _address(place)
        end = sum(spans[-1]) if spans else -1
        if address == -(-end // _ALIGNMENT) * _ALIGNMENT and end > 0:
            parts[-1] += _ending(source, size + address - end)
            spans[-1] = (spans[-1][0], address + len(place) - spans[-1][0])
        else:
            parts.append(_ending(source, size))
            spans.append((address, len(place)))
    return [_memory(*one) for one in spans], parts


def _ending(source: memoryview, size: int) -> list[Any]:
    """The last bytes of a place, as many as wanted: zeros in front where it holds fewer."""
    missing = size - len(source)
    return [bytes(missing), source] if missing > 0 else [source[-size:]]


def _memory(address: int, size: int) -> memoryview:
    return memoryview((ctypes.c_byte * size).from_address(address)).cast("B")


def _address(place: memoryview) -> int:
    return ctypes.addressof(ctypes.c_byte.from_buffer(place))


def _quantized(values: NDArray[np.float32], tensor: dict[str, Any]) -> NDArray[Any]:
    """Real values as the tensor's integers: rounded, clipped to the type, then cast."""
    dtype = tensor["dtype"]
    if dtype is np.float32:
        return values
    step, zero = tensor["quantization"]
    limits = np.iinfo(dtype)
    whole: NDArray[Any] = np.clip(np.rint(values / step) + zero, limits.min, limits.max)
    return whole.astype(dtype)


def _dequantized(values: NDArray[Any], tensor: dict[str, Any]) -> NDArray[np.float32]:
    if tensor["dtype"] is np.float32:
        return values
    step, zero = tensor["quantization"]
    real: NDArray[np.float32] = ((values.astype(np.float32) - zero) * step).astype(np.float32)
    return real
