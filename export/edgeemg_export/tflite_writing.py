"""A TFLite file as objects in; the same file out, with what is equal in it stored once.

Small layers are half bookkeeping: zero points that are all zero, names, shapes, places. A
flatbuffer refers to each by its offset, and several may refer to one.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeemg.errors import needs_extra

_IDENTIFIER = b"TFL3"
_ALIGNMENT = 16  # bytes, of what a buffer holds; force_align in the schema
_LISTS = {"inputs": np.int32, "outputs": np.int32, "shape": np.int32, "shapeSignature": np.int32}


def write_model(model: Any, path: Path) -> None:
    """Write a file, without what no engine reads: notes, scales that are not there.

    model  as flatbuffer_utils reads it; it is changed on the way, and good for nothing after
    """
    _strip(model)
    builder = _sharing_builder()
    builder.Finish(model.Pack(builder), _IDENTIFIER)
    path.write_bytes(bytes(builder.Output()))


def _sharing_builder() -> Any:
    """A builder that gives the offset of an equal vector or string that was written before."""
    with needs_extra("tflite-export", "writing TFLite"):
        import flatbuffers  # type: ignore[import-untyped]

    class Sharing(flatbuffers.Builder):  # type: ignore[misc]  # it has no types
        def CreateNumpyVector(self, x: NDArray[Any]) -> int:  # noqa: N802  # theirs
            key = (x.dtype.str, x.tobytes())
            if key not in written:
                if x.dtype == np.uint8:  # what a buffer holds
                    self.Prep(_ALIGNMENT, x.size)
                written[key] = super().CreateNumpyVector(x)
            return written[key]

        def CreateString(self, s: Any, *args: Any) -> int:  # noqa: N802
            key = ("", s.encode() if isinstance(s, str) else bytes(s))
            if key not in written:
                written[key] = super().CreateString(s, *args)
            return written[key]

    written: dict[tuple[str, bytes], int] = {}
    return Sharing(1024)


def _strip(model: Any) -> None:
    model.description = None
    model.metadata, model.metadataBuffer = None, None  # they hold buffers by number
    seen: dict[tuple[Any, ...], _Once] = {}
    for graph in model.subgraphs:
        for part in (graph, *graph.operators, *graph.tensors):
            _as_arrays(part)
        for one in graph.tensors:
            one.quantization = _shared(one.quantization, seen)
    _drop_buffers(model)


def _drop_buffers(model: Any) -> None:
    """Keep the first, which is empty by the schema, and those that a tensor holds."""
    tensors = [one for graph in model.subgraphs for one in graph.tensors]
    held = [0, *sorted({int(one.buffer) for one in tensors} - {0})]
    places = {old: new for new, old in enumerate(held)}
    for one in tensors:
        one.buffer = places[int(one.buffer)]
    model.buffers = [model.buffers[one] for one in held]


def _as_arrays(part: Any) -> None:
    """Lists of numbers as arrays, which are written by one call and once."""
    for name, dtype in _LISTS.items():
        if getattr(part, name, None) is not None:
            setattr(part, name, np.asarray(getattr(part, name), dtype=dtype))


class _Once:
    """A table that is written when it is first asked for."""

    def __init__(self, table: Any) -> None:
        self._table = table
        self._offset: int | None = None

    def Pack(self, builder: Any) -> int:  # noqa: N802  # as theirs
        if self._offset is None:
            self._offset = int(self._table.Pack(builder))
        return self._offset


def _shared(steps: Any, seen: dict[tuple[Any, ...], _Once]) -> _Once | None:
    if steps is None or steps.scale is None or not len(steps.scale):
        return None
    steps.min = steps.max = None  # a quantiser's note on how it came to the scale
    steps.scale = np.asarray(steps.scale, dtype=np.float32)
    steps.zeroPoint = np.asarray(steps.zeroPoint, dtype=np.int64)
    key = (steps.scale.tobytes(), steps.zeroPoint.tobytes(), steps.quantizedDimension)
    assert steps.details is None, "no recipe scales by blocks"
    return seen.setdefault(key, _Once(steps))
