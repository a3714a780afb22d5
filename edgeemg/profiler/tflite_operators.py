"""A TFLite file in; its operators, and which of them a delegate takes over, out."""

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgeemg.errors import EngineError
from edgeemg.profiler.operator_kinds import Operator
from edgeemg.profiler.products import multiply_accumulates
from edgeemg.runtime.libraries import import_library

_DELEGATE = "DELEGATE"


def tflite_operators(path: Path) -> Iterator[Operator]:
    """The file's operators, from the interpreter's private listing: there is no public one.

    Once its tensors are allocated, the interpreter has split the graph between the delegate that
    it brings (XNNPACK) and its own kernels: the delegate's partitions are listed as operators
    behind those of the file, with what goes in and out of them. ai-edge-litert 1.4 to 2.3 and
    tflite-runtime 2.14 all do so.
    Raises MissingExtraError without either library, EngineError where it cannot list the file.
    """
    library, _ = import_library("tflite", purpose=f"reading the operators of {path.name}")
    try:
        with hushed():
            interpreter = library.Interpreter(model_path=str(path), num_threads=1)
            interpreter.allocate_tensors()
        listed = interpreter._get_ops_details()
        details = {one["index"]: one for one in interpreter.get_tensor_details()}
        flowing = {one["index"] for one in interpreter.get_input_details()}
    except (AttributeError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise EngineError(f"{path}: {library.__name__} does not list it ({reason})") from error
    stored = [one for one in listed if one["op_name"] != _DELEGATE]
    flowing |= {int(index) for one in stored for index in one["outputs"]}
    taken = partitions(stored, [one for one in listed if one["op_name"] == _DELEGATE])
    for number, one in enumerate(stored):
        yield _operator(one, details, flowing, taken.get(number))


def partitions(
    operators: Sequence[Mapping[str, Any]], delegates: Sequence[Mapping[str, Any]]
) -> dict[int, int]:
    """Number of an operator -> number of the delegate's partition that it is in.

    Each of both has `inputs` and `outputs`, numbers of tensors. What a partition has taken is
    what lies on the way back from its outputs to its inputs.
    """
    made_by = {int(index): n for n, one in enumerate(operators) for index in one["outputs"]}
    taken: dict[int, int] = {}
    for number, delegate in enumerate(delegates):
        ends = {int(index) for index in delegate["inputs"]}
        open_tensors = [int(index) for index in delegate["outputs"]]
        while open_tensors:
            maker = made_by.get(open_tensors.pop())
            if maker is None or maker in taken:
                continue
            taken[maker] = number
            inputs = {int(index) for index in operators[maker]["inputs"]}
            open_tensors += inputs - ends
    return taken


def _operator(
    listed: Mapping[str, Any],
    details: Mapping[int, Mapping[str, Any]],
    flowing: set[int],
    partition: int | None,
) -> Operator:
    name = listed["op_name"]
    inputs = [int(index) for index in listed["inputs"] if index >= 0]  # -1: left out
    outputs = [int(index) for index in listed["outputs"]]

    def types(indices: list[int]) -> tuple[str, ...]:
        return tuple(np.dtype(details[one]["dtype"]).name for one in indices if one in details)

    def shape(index: int) -> tuple[int, ...]:
        return tuple(int(one) for one in details[index]["shape"]) if index in details else ()

    return Operator(
        name,
        activations=types([one for one in inputs if one in flowing]),
        constants=types([one for one in inputs if one not in flowing]),
        outputs=types(outputs),
        macs=multiply_accumulates(name, list(map(shape, inputs)), shape(outputs[0])),
        partition=partition,
    )


@contextlib.contextmanager
def hushed() -> Iterator[None]:
    """Without the line in which the library's C++ part announces its delegate."""
    if sys.stderr is None:  # closed: descriptor 2 may be anything
        yield
        return
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
            yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
