"""A TFLite file in, its graph to look up and to rewrite, and a file out again."""

from copy import copy, deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeemg.errors import needs_extra
from edgeemg_export.tflite_graph import flatbuffer_tools
from edgeemg_export.tflite_writing import write_model


@dataclass(frozen=True, slots=True)
class Kind:
    """In which numbers an activation is: a TFLite type, and what one step of an integer is worth.

    scale, zero_point  empty for floats
    """

    type: int
    scale: tuple[float, ...] = ()
    zero_point: tuple[int, ...] = ()


class Rewriting:
    """The one graph of a file, with one signature; tensors go by their numbers.

    What is looked up is the graph as it was read. `operators` is what will be written.
    """

    def __init__(self, model: Any) -> None:
        assert len(model.subgraphs) == 1, "a network is one graph"
        self._model = model
        self._graph = model.subgraphs[0]
        (self._signature,) = model.signatureDefs
        self.operators: list[Any] = list(self._graph.operators)
        self.producers = {int(t): one for one in self.operators for t in one.outputs}
        self._entries = set(self.inputs)
        self._places: dict[tuple[int, ...], int] = {}

    @property
    def inputs(self) -> list[int]:
        """Tensors that come in: the samples, then the states."""
        return [int(one) for one in self._graph.inputs]

    @property
    def outputs(self) -> list[int]:
        """Tensors that go out: the logits, then the next states."""
        return [int(one) for one in self._graph.outputs]

    def name(self, operator: Any) -> str:
        """As in the schema: CONV_2D."""
        return str(flatbuffer_tools().opcode_to_name(self._model, operator.opcodeIndex))

    def is_constant(self, tensor: int) -> bool:
        """Whether it follows from what the file holds alone; -1 stands for an input left out."""
        if tensor in self._entries:
            return False
        producer = self.producers.get(tensor)
        return producer is None or all(map(self.is_constant, map(int, producer.inputs)))

    def holds_places(self, tensor: int) -> bool:
        """Whether it is a constant of plain integers: axes, shapes, places."""
        kind = self.kind(tensor)
        return self.is_constant(tensor) and kind.type == _type("INT32") and not kind.scale

    def places(self, tensor: int) -> NDArray[np.int32]:
        """What such a constant holds."""
        assert self.holds_places(tensor), "only those are read"
        data = self._model.buffers[self._tensor(tensor).buffer].data
        return np.frombuffer(bytes(data), dtype=np.int32)

    def floats(self, tensor: int) -> NDArray[np.float32] | None:
        """What a constant of floats holds, flat; None where it is no such constant."""
        if not self.is_constant(tensor) or self.kind(tensor).type != _type("FLOAT32"):
            return None
        data = self._model.buffers[self._tensor(tensor).buffer].data
        return None if data is None else np.frombuffer(bytes(data), dtype=np.float32)

    def shape(self, tensor: int) -> list[int]:
        """Of a tensor."""
        return [int(one) for one in self._tensor(tensor).shape]

    def set_shape(self, tensor: int, shape: list[int]) -> None:
        """Say which shape a tensor has."""
        self._tensor(tensor).shape = shape

    def kind(self, tensor: int) -> Kind:
        """The numbers of a tensor."""
        one = self._tensor(tensor)
        steps = one.quantization
        if steps is None or steps.scale is None or not len(steps.scale):
            return Kind(one.type)
        return Kind(one.type, tuple(map(float, steps.scale)), tuple(map(int, steps.zeroPoint)))

    def set_kind(self, tensor: int, kind: Kind) -> None:
        """Say in which numbers an activation is."""
        one = self._tensor(tensor)
        one.type, one.quantization = kind.type, None
        if kind.scale:
            one.quantization = _schema().QuantizationParametersT()
            one.quantization.scale = np.asarray(kind.scale, dtype=np.float32)
            one.quantization.zeroPoint = np.asarray(kind.zero_point, dtype=np.int64)

    def add_tensor_like(self, tensor: int, kind: Kind) -> int:
        """A new activation of the same shape."""
        one = deepcopy(self._tensor(tensor))
        self._graph.tensors.append(one)
        number = len(self._graph.tensors) - 1
        one.name += f"/{number}".encode()
        self.set_kind(number, kind)
        return number

    def add_tensor_of(self, other: "Rewriting", tensor: int) -> int:
        """A copy of a constant, or of what unfolds one, of another file."""
        one = deepcopy(other._tensor(tensor))
        self._model.buffers.append(deepcopy(other._model.buffers[one.buffer]))
        one.buffer = len(self._model.buffers) - 1
        self._graph.tensors.append(one)
        return len(self._graph.tensors) - 1

    def add_places(self, values: list[int]) -> int:
        """A constant of plain integers; one tensor for all that hold the same."""
        if tuple(values) in self._places:
            return self._places[tuple(values)]
        buffer, tensor = _schema().BufferT(), _schema().TensorT()
        buffer.data = np.frombuffer(np.asarray(values, dtype=np.int32).tobytes(), dtype=np.uint8)
        self._model.buffers.append(buffer)
        tensor.buffer = len(self._model.buffers) - 1
        tensor.shape, tensor.type = [len(values)], _type("INT32")
        self._graph.tensors.append(tensor)
        number = len(self._graph.tensors) - 1
        tensor.name = f"places/{number}".encode()
        self._places[tuple(values)] = number
        return number

    def unpack(self, tensor: int, values: NDArray[np.int8], *, scale: float) -> Any:
        """The operator that makes a constant of floats from integers, which are stored instead.

        tensor  a constant, whose numbers then are `values * scale`; the operator is not yet in
                `operators`
        """
        buffer = _schema().BufferT()
        buffer.data = np.frombuffer(values.tobytes(), dtype=np.uint8)
        self._model.buffers.append(buffer)
        made = self.add_tensor_like(tensor, Kind(_type("INT8"), (scale,), (0,)))
        self._tensor(made).buffer = len(self._model.buffers) - 1
        self._tensor(tensor).buffer = 0  # the empty one
        return self.new_operator("DEQUANTIZE", made, tensor)

    def slice_of(self, source: int, begin: list[int], target: int) -> Any:
        """The operator that takes what `target` has the shape of; not yet in `operators`."""
        one = self.new_operator("SLICE", source, target)
        places = [self.add_places(begin), self.add_places(self.shape(target))]
        one.inputs = np.asarray([source, *places], dtype=np.int32)
        return _with_options(one, "SliceOptions")

    def joined(self, parts: list[int], target: int, *, axis: int) -> Any:
        """The operator that puts tensors behind one another; not yet in `operators`."""
        one = self.like(_schema().OperatorT(), "CONCATENATION", parts, [target])
        return _with_options(one, "ConcatenationOptions", axis=axis)

    def new_operator(self, name: str, source: int, target: int) -> Any:
        """An operator without options, from one tensor to another; not yet in `operators`."""
        return self.like(_schema().OperatorT(), name, [source], [target])

    def like(self, operator: Any, name: str, inputs: list[int], outputs: list[int]) -> Any:
        """The same operator between other tensors; not yet in `operators`."""
        one = copy(operator)
        one.opcodeIndex = self._code_of(name)
        one.inputs = np.asarray(inputs, dtype=np.int32)
        one.outputs = np.asarray(outputs, dtype=np.int32)
        return one

    def replace_output(self, place: int, tensor: int) -> None:
        """Let another tensor go out at this place."""
        before, self._graph.outputs[place] = self.outputs[place], tensor
        for one in self._signature.outputs:
            if int(one.tensorIndex) == before:
                one.tensorIndex = tensor

    def append_output(self, tensor: int, name: str) -> None:
        """Let a tensor go out behind the others, under this name."""
        self._graph.outputs = np.asarray([*self.outputs, tensor], dtype=np.int32)
        end = _schema().TensorMapT()
        end.name, end.tensorIndex = name.encode(), tensor
        self._signature.outputs.append(end)

    def write(self, path: Path) -> None:
        """Write the file, without tensors that nothing reads; it ends the rewriting."""
        graph, model = self._graph, self._model
        graph.operators = self.operators
        used = {*self.inputs, *self.outputs}
        for one in self.operators:
            used |= {*map(int, one.inputs), *map(int, one.outputs)}
        kept = sorted(used - {-1})
        numbers = {-1: -1, **{old: new for new, old in enumerate(kept)}}
        for one in (*self.operators, graph):
            one.inputs = np.asarray([numbers[int(t)] for t in one.inputs], dtype=np.int32)
            one.outputs = np.asarray([numbers[int(t)] for t in one.outputs], dtype=np.int32)
        for end in (*self._signature.inputs, *self._signature.outputs):
            end.tensorIndex = numbers[int(end.tensorIndex)]
        graph.tensors = [graph.tensors[one] for one in kept]
        write_model(model, path)

    def _code_of(self, name: str) -> int:
        """The number under which this file calls an operator."""
        wanted = getattr(_schema().BuiltinOperator, name)
        codes = self._model.operatorCodes
        for number, one in enumerate(codes):
            if one.builtinCode == wanted:
                return number
        code = _schema().OperatorCodeT()
        code.builtinCode = wanted
        code.deprecatedBuiltinCode = min(wanted, 127)
        code.version = 1
        codes.append(code)
        return len(codes) - 1

    def _tensor(self, number: int) -> Any:
        return self._graph.tensors[number]


def _with_options(operator: Any, kind: str, **values: int) -> Any:
    schema = _schema()
    operator.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
    operator.builtinOptions = getattr(schema, f"{kind}T")()
    for name, value in values.items():
        setattr(operator.builtinOptions, name, value)
    return operator


def read_for_rewriting(path: Path) -> Rewriting:
    """The graph of a file."""
    return Rewriting(flatbuffer_tools().read_model(str(path)))


def _type(name: str) -> int:
    return int(getattr(_schema().TensorType, name))


def _schema() -> Any:
    with needs_extra("tflite-export", "rewriting TFLite"):
        from ai_edge_litert import schema_py_generated
    return schema_py_generated
