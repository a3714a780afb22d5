"""A TFLite file in; the same file with attention's masks stored as 8-bit integers out.

A mask adds zero to the scores that a token sees and the same large negative number to the others:
four bytes for each of two values. As integers 0 and -1 with that number as their scale they take
a quarter, and a DEQUANTIZE, which the engines do once, when the file is loaded, gives the same
floats.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeemg_export.tflite_rewriting import Rewriting, read_for_rewriting

_FEWEST = 128  # numbers; below, the operator and its tensor take as many bytes as are saved


def pack_masks(path: Path) -> None:
    """Pack every mask of a file, in place; it stays as it is where there is none."""
    graph = read_for_rewriting(path)
    unpacked = _unpacked(graph)
    if not unpacked:
        return
    graph.operators = [*unpacked, *graph.operators]
    graph.write(path)


def _unpacked(graph: Rewriting) -> list[Any]:
    """The operators that unpack what is packed."""
    added = {int(t) for one in graph.operators if graph.name(one) == "ADD" for t in one.inputs}
    operators = []
    for tensor in sorted(added):
        values = graph.floats(tensor)
        if values is not None and len(values) >= _FEWEST and _is_mask(values):
            integers = -(values != 0).astype(np.int8)
            operators.append(graph.unpack(tensor, integers, scale=-float(values.min())))
    return operators


def _is_mask(values: NDArray[np.float32]) -> bool:
    """Whether zero and one negative number are all that there is."""
    return bool(values.min() < 0) and bool(np.isin(values, [0, values.min()]).all())
