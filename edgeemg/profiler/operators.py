"""A model file in; its operators out, and how many of them really work on 8-bit integers."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeemg.errors import EngineError
from edgeemg.profiler.onnx_operators import onnx_operators
from edgeemg.profiler.operator_kinds import Operator
from edgeemg.profiler.tflite_operators import tflite_operators
from edgeemg.runtime.libraries import how_to_install

_IN_INTEGERS = ("int8", "int8 weights")  # a product of either multiplies 8-bit integers


@dataclass(frozen=True, slots=True)
class Delegated:
    """What XNNPACK, TFLite's fast kernels, has taken of a file on this machine.

    partitions  stretches of the graph; each crossing into and out of one costs
    operators   in them; `outside` are those left to TFLite's own kernels, by name
    """

    partitions: int
    operators: int
    outside: dict[str, int]


@dataclass(frozen=True, slots=True)
class Operators:
    """The operators of one file, counted; see Operator.kind for what the kinds mean.

    seen_in      "engine": as onnxruntime runs them on this machine, after it has fused what it
                 can; "file": as a TFLite file holds them
    total        all: int8 + int8_weights + unpacking + conversions + other
    macs         multiply-accumulates of one inference; None where an operator does not tell
    int8_macs    those of them that multiply 8-bit integers
    delegated    for TFLite
    counts       by name, the most frequent first
    """

    seen_in: str
    total: int
    int8: int
    int8_weights: int
    unpacking: int
    conversions: int
    other: int
    macs: int | None
    int8_macs: int | None
    delegated: Delegated | None
    counts: dict[str, int]


def read_operators(path: Path, engine: str) -> Operators:
    """The operators of a model file.

    Raises MissingExtraError where the engine is not installed or broken, EngineError where it
    cannot say, or there is no room for what it writes meanwhile.
    """
    if engine not in _READERS:
        raise EngineError(f"the operators of {path.name} cannot be read: {how_to_install(engine)}")
    read, seen_in = _READERS[engine]
    operators = list(read(path))
    kinds = Counter(one.kind for one in operators)
    return Operators(
        seen_in=seen_in,
        total=len(operators),
        int8=kinds["int8"],
        int8_weights=kinds["int8 weights"],
        unpacking=kinds["unpacking"],
        conversions=kinds["conversion"],
        other=kinds["other"],
        macs=_macs(operators),
        int8_macs=_macs([one for one in operators if one.kind in _IN_INTEGERS]),
        delegated=_delegated(operators) if seen_in == "file" else None,
        counts=_by_name(operators),
    )


def _macs(operators: Sequence[Operator]) -> int | None:
    told = [one.macs for one in operators if one.macs is not None]
    return sum(told) if len(told) == len(operators) else None


def _delegated(operators: Sequence[Operator]) -> Delegated:
    inside = [one.partition for one in operators if one.partition is not None]
    outside = _by_name([one for one in operators if one.partition is None])
    return Delegated(len(set(inside)), len(inside), outside)


def _by_name(operators: Iterable[Operator]) -> dict[str, int]:
    return dict(Counter(one.name for one in operators).most_common())


_READERS: dict[str, tuple[Callable[[Path], Iterable[Operator]], str]] = {
    "onnx": (onnx_operators, "engine"),
    "tflite": (tflite_operators, "file"),
}
