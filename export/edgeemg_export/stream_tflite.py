"""A stream in float and its whole-window model in int8 in, the stream in int8 out, for TFLite.

Nothing is quantised anew, as in stream_onnx: each operator of the stream takes its weights, and
the integers that it reads and gives, from the same operator of the window's file.
"""

from pathlib import Path
from typing import Any

from edgeemg.errors import ModelError
from edgeemg_export.tflite_masks import pack_masks
from edgeemg_export.tflite_rewriting import Kind, Rewriting, read_for_rewriting
from edgeemg_export.tflite_rows import split_rows

# these move numbers and do not change them
_MOVING = {
    *("BROADCAST_TO", "CONCATENATION", "EXPAND_DIMS", "GATHER", "RESHAPE", "SLICE", "SPLIT"),
    *("SQUEEZE", "STRIDED_SLICE", "TRANSPOSE"),
}
_BORDERS = {"QUANTIZE", "DEQUANTIZE"}


def quantize_stream_tflite(stream: Path, window8: Path, target: Path) -> None:
    """Write the stream as the int8 window file would compute it.

    ModelError where the two do not compute the same operators.
    """
    ours = read_for_rewriting(stream)
    _Transplant(ours, read_for_rewriting(window8)).run()
    ours.write(target)
    pack_masks(target)
    split_rows(target)


class _Transplant:
    """Rewrites the stream's graph in place."""

    def __init__(self, ours: Rewriting, theirs: Rewriting) -> None:
        self._ours, self._theirs = ours, theirs
        self._native = {ours.inputs[0]: theirs.kind(theirs.inputs[0])}
        self._made: dict[tuple[int, Kind], int] = {}
        self._copied: dict[int, int] = {}
        self._operators: list[Any] = []

    def run(self) -> None:
        """Rewrite operator by operator; what moves numbers comes before what reads them."""
        ours, theirs = self._ours, self._theirs
        states = ours.inputs[1:]
        for operator, other in _paired(ours, theirs):
            self._compute(operator, other)
        ours.replace_output(0, self._read_as(ours.outputs[0], theirs.outputs[0]))
        for place, state in enumerate(states, start=1):
            ours.replace_output(place, self._read(ours.outputs[place], self._native[state]))
        for tensor, kind in self._native.items():
            ours.set_kind(tensor, kind)
        ours.operators = self._operators

    def _compute(self, operator: Any, other: Any) -> None:
        """The operator, reading and giving what the window's reads and gives."""
        theirs = self._theirs
        inputs = []
        for place, their in enumerate(map(int, other.inputs)):
            own = int(operator.inputs[place]) if place < len(operator.inputs) else -1
            if theirs.is_constant(their):
                inputs.append(self._constant(own, their))
            else:
                inputs.append(self._read_as(own, their))
        outputs = list(map(int, operator.outputs))
        for own, their in zip(outputs, map(int, other.outputs), strict=True):
            self._native[own] = theirs.kind(their)
        self._operators.append(self._ours.like(operator, theirs.name(other), inputs, outputs))

    def _constant(self, own: int, their: int) -> int:
        """Integer weights are the window's; what is the same, or depends on length, is our own."""
        if their < 0:
            return -1
        ours, theirs = self._ours, self._theirs
        if own >= 0 and ours.is_constant(own) and ours.shape(own) != theirs.shape(their):
            return own  # a mask
        narrowed = theirs.kind(their).scale or their in theirs.producers
        if own >= 0 and ours.is_constant(own) and not narrowed:
            return own
        if their not in self._copied:
            producer = self._theirs.producers.get(their)
            made = self._copied[their] = self._ours.add_tensor_of(self._theirs, their)
            if producer is not None:  # weights that are unfolded as the file runs
                inputs = [self._constant(-1, int(one)) for one in producer.inputs]
                name = self._theirs.name(producer)
                self._operators.append(self._ours.like(producer, name, inputs, [made]))
        return self._copied[their]

    def _read_as(self, tensor: int, their: int) -> int:
        """The tensor as the window's operator reads it: floats may have been integers before."""
        kind, before = self._theirs.kind(their), self._before(their)
        if before is None or before == kind:
            return self._read(tensor, kind)
        rounded = self._read(tensor, before)
        if (rounded, kind) not in self._made:
            self._made[rounded, kind] = self._convert(rounded, kind)
        return self._made[rounded, kind]

    def _before(self, their: int) -> Kind | None:
        """The integers that a window's float tensor was made of; None where it was none."""
        producer = self._theirs.producers.get(their)
        if producer is None:
            return None
        name = self._theirs.name(producer)
        if name == "DEQUANTIZE":
            return self._theirs.kind(int(producer.inputs[0]))
        moves = [one for one in map(int, producer.inputs) if not self._theirs.is_constant(one)]
        return self._before(moves[0]) if name in _MOVING else None

    def _convert(self, tensor: int, kind: Kind) -> int:
        made = self._ours.add_tensor_like(tensor, kind)
        name = "QUANTIZE" if kind.scale else "DEQUANTIZE"
        self._operators.append(self._ours.new_operator(name, tensor, made))
        return made

    def _read(self, tensor: int, kind: Kind) -> int:
        """The tensor in this kind of numbers: as it is, moved in this kind, or converted once."""
        if (tensor, kind) in self._made:
            return self._made[tensor, kind]
        producer = self._ours.producers.get(tensor)
        if producer is None:
            self._native.setdefault(tensor, kind)  # a state is kept as it is first read
        if producer is not None and self._ours.name(producer) in _MOVING:
            made = self._move(producer, tensor, kind)
        elif self._native[tensor] == kind:
            made = tensor
        else:
            made = self._convert(tensor, kind)
        self._made[tensor, kind] = made
        return made

    def _move(self, operator: Any, output: int, kind: Kind) -> int:
        ours = self._ours
        inputs = [
            one if ours.is_constant(one) else self._read(one, kind)
            for one in map(int, operator.inputs)
        ]
        assert list(map(int, operator.outputs)) == [output], "a split gives several"
        made = ours.add_tensor_like(output, kind)
        self._operators.append(ours.like(operator, ours.name(operator), inputs, [made]))
        return made


def _paired(ours: Rewriting, theirs: Rewriting) -> list[tuple[Any, Any]]:
    """Operators that compute, side by side."""
    own = [one for one in ours.operators if ours.name(one) not in _MOVING]
    others = [
        one
        for one in theirs.operators
        if theirs.name(one) not in _MOVING | _BORDERS
        and not all(map(theirs.is_constant, map(int, one.outputs)))
    ]
    names, wanted = list(map(ours.name, own)), list(map(theirs.name, others))
    if names != wanted:
        raise ModelError(
            f"the stream computes {', '.join(names)} where the whole-window file computes "
            f"{', '.join(wanted)}: this family cannot be quantised as a stream; "
            "export without --quantize"
        )
    return list(zip(own, others, strict=True))
