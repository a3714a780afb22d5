"""A TFLite stream in; the same with its integer convolutions cut to rows that kernels like, out.

An integer kernel computes four steps at once, and a last one costs as much as four. A hop of 25
samples is five steps, so each of its convolutions pays for eight. Here the first of them becomes
a convolution of its own, for which there is a kernel of one step, on the same weights: the
integers stay the same, bit for bit.
"""

from copy import deepcopy
from pathlib import Path
from typing import Any

from edgeemg_export.tflite_rewriting import Rewriting, read_for_rewriting

_AT_ONCE = 4  # steps; XNNPACK's int8 kernels with dot products and those for a Cortex-A53
# Weights, each multiplied once a step: with fewer, three more operators cost what is saved.
_FEWEST = 5000
_VALID = 1  # of the schema's Padding: none
_TIME = 2  # the axis in (batch, 1, time, channel)


def split_rows(path: Path) -> None:
    """Cut what leaves one step over, in place; the rest stays as it is."""
    graph = read_for_rewriting(path)
    operators: list[Any] = []
    for one in graph.operators:
        operators += _split(graph, one) if _leaves_one_over(graph, one) else [one]
    graph.operators = operators
    graph.write(path)


def _leaves_one_over(graph: Rewriting, one: Any) -> bool:
    if graph.name(one) != "CONV_2D" or not graph.kind(int(one.inputs[0])).scale:
        return False
    options, steps = one.builtinOptions, graph.shape(int(one.outputs[0]))[_TIME]
    height, weights = graph.shape(int(one.inputs[0]))[1], graph.shape(int(one.inputs[1]))
    long_enough = steps > _AT_ONCE and steps % _AT_ONCE == 1
    flat = height == 1 and (options.strideW, options.padding) == (1, _VALID)
    outputs, _, taps, channels = weights
    return long_enough and flat and outputs * taps * channels >= _FEWEST


def _split(graph: Rewriting, one: Any) -> list[Any]:
    """The first step, and the others, of what reads all steps but the first; then both joined."""
    source, weights, bias = map(int, one.inputs)
    (target,) = map(int, one.outputs)
    steps = graph.shape(target)[_TIME]
    first = _with_steps(graph, target, 1)
    others = _with_steps(graph, target, steps - 1)
    later = _with_steps(graph, source, graph.shape(source)[_TIME] - 1)
    alone = graph.like(one, "CONV_2D", [source, weights, bias], [first])
    alone.builtinOptions = deepcopy(one.builtinOptions)
    alone.builtinOptions.strideW = steps  # so long that there is no second
    return [
        alone,
        graph.slice_of(source, [0, 0, 1, 0], later),
        graph.like(one, "CONV_2D", [later, weights, bias], [others]),
        graph.joined([first, others], target, axis=_TIME),
    ]


def _with_steps(graph: Rewriting, tensor: int, steps: int) -> int:
    """A tensor like that one, of so many steps."""
    made = graph.add_tensor_like(tensor, graph.kind(tensor))
    shape = graph.shape(tensor)
    graph.set_shape(made, [*shape[:_TIME], steps, *shape[_TIME + 1 :]])
    return made
