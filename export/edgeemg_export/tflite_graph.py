"""A TFLite file in; its operators, its tensors over windows, and a slimmer copy of it out."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeemg.errors import needs_extra
from edgeemg_export.tflite_writing import write_model

_STEP = re.compile(r"^[\w.]*\.[A-Za-z]\w*?_(.+)$")  # torch.nn.modules.conv.Conv1d_0 -> 0


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator: its type and the names of the tensors that it reads and writes."""

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Graph:
    """The operators in the order in which they run, and the names of what the file gives."""

    operators: tuple[Operator, ...]
    outputs: tuple[str, ...]


def read_graph(path: Path) -> Graph:
    """The one graph of a file."""
    tools = flatbuffer_tools()
    model = tools.read_model(str(path))
    (graph,) = model.subgraphs
    names = [tensor.name.decode() for tensor in graph.tensors]

    def named(numbers: Any) -> tuple[str, ...]:
        return tuple(names[n] for n in numbers if n >= 0)

    operators = tuple(
        Operator(
            tools.opcode_to_name(model, one.opcodeIndex), named(one.inputs), named(one.outputs)
        )
        for one in graph.operators
    )
    return Graph(operators, named(graph.outputs))


def run(path: Path, windows: NDArray[np.float32]) -> Iterator[dict[str, NDArray[np.float32]]]:
    """For each window every activation by name; those that are integers scaled back."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(
        model_path=str(path),
        num_threads=1,
        experimental_preserve_all_tensors=True,
        # a delegate keeps what happens within it to itself
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    (entry,) = interpreter.get_input_details()
    made = {name for one in read_graph(path).operators for name in one.outputs} | {entry["name"]}
    tensors = [one for one in interpreter.get_tensor_details() if one["name"] in made]
    for window in windows:
        interpreter.set_tensor(entry["index"], window[None])
        interpreter.invoke()
        values = {one["name"]: _real(interpreter.get_tensor(one["index"]), one) for one in tensors}
        yield {name: one for name, one in values.items() if one is not None}


def _real(values: NDArray[Any], tensor: dict[str, Any]) -> NDArray[np.float32] | None:
    if values.dtype == np.float32:
        return values
    step, zero = tensor["quantization"]
    if values.dtype != np.int8 or not step:
        return None  # shapes and the like
    real: NDArray[np.float32] = (values.astype(np.float32) - zero) * step
    return real


def slim(path: Path) -> None:
    """Names as PyTorch has them instead of the converter's long ones, and no notes to itself.

    `Cnn/torch.nn.modules.container.Sequential_blocks/...conv.Conv1d_0;1` becomes `blocks.0`.
    """
    tools = flatbuffer_tools()
    model = tools.read_model(str(path))
    for graph in model.subgraphs:
        taken: set[str] = set()
        for tensor in graph.tensors:
            tensor.name = _unlike(_short(tensor.name.decode()), taken).encode()
    write_model(model, path)


def share(path: Path) -> None:
    """Store once what is equal, in place; names stay as they are."""
    write_model(flatbuffer_tools().read_model(str(path)), path)


def _short(name: str) -> str:
    path = next((one for one in reversed(name.split(";")) if "/" in one), "")
    short = ".".join(found[1] for found in map(_STEP.match, path.split("/")) if found)
    return short or name.split(";")[0].rpartition(".")[2] or name


def _unlike(name: str, taken: set[str]) -> str:
    new, n = name, 1
    while new in taken:
        n += 1
        new = f"{name}~{n}"
    taken.add(new)
    return new


def flatbuffer_tools() -> Any:
    """What reads and writes TFLite files as objects; MissingExtraError where it is not there."""
    with needs_extra("tflite-export", "reading and writing TFLite"):
        from ai_edge_litert.tools import flatbuffer_utils
    return flatbuffer_utils
