"""A TFLite file in; the same file with fewer moves of axes out."""

from pathlib import Path
from typing import Any

from edgeemg_export.tflite_rewriting import Rewriting, read_for_rewriting


def mean_in_place(path: Path) -> None:
    """Take means over the axes as they lie, in place.

    The converter moves the axes of what a network over pictures gives before it takes the mean
    over time. The mean over the axis where time was before the move is the same numbers.
    """
    graph = read_for_rewriting(path)
    for one in list(graph.operators):
        if graph.name(one) == "MEAN":
            _unmoved(graph, one)
    graph.write(path)


def _unmoved(graph: Rewriting, mean: Any) -> None:
    moving = graph.producers.get(int(mean.inputs[0]))
    (made,) = map(int, mean.outputs)
    readers = [one for one in graph.operators if made in map(int, one.inputs)]
    if moving is None or graph.name(moving) != "TRANSPOSE" or made in graph.outputs:
        return
    if mean.builtinOptions.keepDims or {graph.name(one) for one in readers} != {"RESHAPE"}:
        return  # who reads it would see the axes in another order
    there = graph.places(int(moving.inputs[1]))
    source = int(moving.inputs[0])
    axes = [int(there[axis]) for axis in graph.places(int(mean.inputs[1]))]
    left = [n for axis, n in enumerate(graph.shape(source)) if axis not in axes]
    if sum(n > 1 for n in left) > 1:
        return
    graph.set_shape(made, left)
    place = graph.operators.index(mean)
    graph.operators[place] = graph.like(mean, "MEAN", [source, graph.add_places(axes)], [made])
    if not any(int(moving.outputs[0]) in map(int, one.inputs) for one in graph.operators):
        graph.operators.remove(moving)
