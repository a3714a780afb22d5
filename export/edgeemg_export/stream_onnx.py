"""A stream in float and its whole-window model in int8 in, the stream in int8 out, for ONNX.

Nothing is quantised anew. Both graphs come from one network and compute the same operators in the
same order, so each operator of the stream takes its weights and the scales of what it reads from
the window's. Joining and cutting keep integers as they are, and so does a state on its way through
the caller: a stream's int8 logits are the window's, bit for bit.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgeemg.errors import ModelError, needs_extra

# these move numbers and do not change them
_MOVING = {
    *("Concat", "Expand", "Flatten", "Gather", "Identity", "Reshape", "Slice", "Split"),
    *("Squeeze", "Transpose", "Unsqueeze"),
}
_CUTTING = {"Clip", "Relu"}
_BORDERS = {"QuantizeLinear", "DequantizeLinear"}
Scales = tuple[str, str]  # names of a scale and a zero point


def quantize_stream_onnx(stream: Path, window8: Path, target: Path) -> None:
    """Write the stream as the int8 window file would compute it.

    ModelError where the two do not compute the same operators.
    """
    with needs_extra("export", "quantising ONNX"):
        import onnx
    model = onnx.load(str(stream))
    transplant = _Transplant(model, onnx.load(str(window8)))
    transplant.run()
    onnx.checker.check_model(model)
    onnx.save(model, str(target))


class _Window:
    """The int8 window graph, looked up backwards; its names now begin with `w.`, unlike ours."""

    def __init__(self, graph: Any) -> None:
        _rename(graph)
        self.constants = {one.name: one for one in graph.initializer}
        self.producers = {name: node for node in graph.node for name in node.output}
        self.outputs = [one.name for one in graph.output]
        self.computing = [
            node
            for node in graph.node
            if node.op_type not in _MOVING | _BORDERS and not self.is_constant(node.output[0])
        ]

    def is_constant(self, name: str) -> bool:
        """Whether it follows from constants alone, as unfolded weights do."""
        if name in self.constants or not name:
            return True
        producer = self.producers.get(name)
        return producer is not None and all(map(self.is_constant, producer.input))

    def constant_nodes(self, name: str) -> Iterator[Any]:
        """The nodes that unfold a constant, in order."""
        if name in self.producers:
            for one in self.producers[name].input:
                yield from self.constant_nodes(one)
            yield self.producers[name]

    def scales(self, name: str) -> Scales | None:
        """In which integers an activation is read; None where it is read in float."""
        producer = self.producers.get(name)
        if producer is None:
            return None
        if producer.op_type == "DequantizeLinear":
            return (producer.input[1], producer.input[2])
        return self.scales(producer.input[0]) if producer.op_type in _MOVING else None


class _Transplant:
    """Rewrites the stream's graph, node by node, in place."""

    def __init__(self, model: Any, window8: Any) -> None:
        self._graph = model.graph
        self._window = _Window(window8.graph)
        self._states = [one.name for one in list(model.graph.input)[1:]]
        self._own_constants = {one.name: one for one in model.graph.initializer}
        self._producers = {name: node for node in model.graph.node for name in node.output}
        self._aliases: dict[str, str] = {}
        self._nodes: list[Any] = []
        self._constants: dict[str, Any] = {}
        self._integers: dict[tuple[str, Scales], str] = {}
        self._state_scales: dict[str, Scales | None] = {}
        self._numbered = 0

    def run(self) -> None:
        """Rewrite the graph; the window's operators are used up in their order."""
        left = iter(self._window.computing)
        theirs = next(left, None)
        own = [one for one in self._graph.node if one.op_type not in _MOVING]
        for node in own:
            if theirs is not None and theirs.op_type == node.op_type:
                self._compute(node, theirs)
                theirs = next(left, None)
            elif node.op_type in _CUTTING:
                # part of the operator before it: its integers begin at zero, or end at six
                self._aliases[node.output[0]] = self._real(node.input[0])
            else:
                raise _unlike(node.op_type, theirs.op_type if theirs is not None else "nothing")
        if theirs is not None:
            raise _unlike("nothing", theirs.op_type)
        self._finish()

    def _compute(self, node: Any, theirs: Any) -> None:
        """The operator, reading what the window's reads."""
        inputs = []
        for place, name in enumerate(theirs.input):
            if self._window.is_constant(name):
                own = node.input[place] if place < len(node.input) else ""
                inputs.append(self._constant(own, name))
            else:
                inputs.append(self._read(node.input[place], self._window.scales(name)))
        del node.input[:]
        node.input.extend(inputs)
        self._nodes.append(node)

    def _constant(self, own: str, theirs: str) -> str:
        """Integer weights are the window's; what is the same, or depends on length, is our own."""
        if own in self._own_constants and theirs not in self._window.producers:
            self._constants[own] = self._own_constants[own]
            return own
        if not theirs or theirs in self._constants:
            return theirs
        for node in self._window.constant_nodes(theirs):
            if node not in self._nodes:
                self._nodes.append(node)
                for one in node.input:
                    self._keep(one)
        self._keep(theirs)
        return theirs

    def _keep(self, name: str) -> None:
        if name in self._window.constants:
            self._constants[name] = self._window.constants[name]

    def _read(self, name: str, scales: Scales | None, *, as_float: bool = True) -> str:
        """An activation as float, by way of the integers that the window reads, or those."""
        if scales is None:
            return self._float(name)
        integers = self._as_integers(name, scales)
        if not as_float:
            return integers
        return self._add("DequantizeLinear", [integers, *scales])

    def _float(self, name: str) -> str:
        """An activation that was never made integers, and all that moves it."""
        name = self._real(name)
        producer = self._producers.get(name)
        if name in self._states:
            scales = self._state_scales.setdefault(name, None)
            return self._add("DequantizeLinear", [name, *scales]) if scales else name
        if producer is None or producer.op_type not in _MOVING or producer in self._nodes:
            return name
        for place, one in enumerate(producer.input):
            if one in self._own_constants:
                self._constants[one] = self._own_constants[one]
            else:
                producer.input[place] = self._float(one)
        self._nodes.append(producer)
        return name

    def _as_integers(self, name: str, scales: Scales) -> str:
        """An activation in these integers: moved as integers, or made them once."""
        name = self._real(name)
        if (name, scales) in self._integers:
            return self._integers[name, scales]
        producer = self._producers.get(name)
        if name in self._states and self._state_scales.setdefault(name, scales) == scales:
            made = name  # a state is kept as it is first read
        elif producer is not None and producer.op_type in _MOVING:
            made = self._move(producer, name, scales)
        else:
            for one in scales:
                self._keep(one)
            made = self._add("QuantizeLinear", [self._float(name), *scales])
        self._integers[name, scales] = made
        return made

    def _move(self, node: Any, output: str, scales: Scales) -> str:
        inputs = []
        for one in node.input:
            if one in self._own_constants:
                self._constants[one] = self._own_constants[one]
                inputs.append(one)
            else:
                inputs.append(self._as_integers(one, scales))
        assert list(node.output) == [output], "a split gives several"
        return self._add(node.op_type, inputs, attributes=node.attribute)

    def _real(self, name: str) -> str:
        return self._aliases.get(name, name)

    def _add(self, kind: str, inputs: list[str], *, attributes: Any = ()) -> str:
        from onnx import helper

        self._numbered += 1
        name = f"{inputs[0]}.{self._numbered}"
        node = helper.make_node(kind, inputs, [name])
        node.attribute.extend(attributes)
        for one in inputs:
            self._keep(one)
        self._nodes.append(node)
        return name

    def _finish(self) -> None:
        """Outputs under their names, states in their integers, and nothing that is not read."""
        from onnx import TensorProto

        logits, *following = self._graph.output
        made = self._read(logits.name, self._window.scales(self._window.outputs[0]))
        self._name(made, logits.name)
        for state, value, out in zip(
            self._states, list(self._graph.input)[1:], following, strict=True
        ):
            scales = self._state_scales.get(state)
            self._name(self._read(out.name, scales, as_float=False), out.name)
            if scales:
                for one in (value, out):
                    one.type.tensor_type.elem_type = TensorProto.INT8
        del self._graph.node[:], self._graph.initializer[:], self._graph.value_info[:]
        self._graph.node.extend(self._nodes)
        self._graph.initializer.extend(self._constants.values())

    def _name(self, made: str, wanted: str) -> None:
        """Give a tensor the name of a graph output."""
        if made == wanted:
            return
        for node in self._nodes:
            for names in (node.input, node.output):
                for place, one in enumerate(names):
                    if one == wanted:
                        names[place] = f"{wanted}.before"
                    elif one == made:
                        names[place] = wanted


def _rename(graph: Any) -> None:
    for one in (*graph.initializer, *graph.input, *graph.output):
        one.name = f"w.{one.name}"
    for node in graph.node:
        for names in (node.input, node.output):
            names[:] = [f"w.{name}" if name else "" for name in names]


def _unlike(ours: str, theirs: str) -> ModelError:
    return ModelError(
        f"the stream computes {ours} where the whole-window file computes {theirs}: "
        "this family cannot be quantised as a stream; export without --quantize"
    )
