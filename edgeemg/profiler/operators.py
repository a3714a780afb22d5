"""A model file in; its operators out, and how many of them really work on 8-bit integers."""

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgeemg.errors import EngineError
from edgeemg.runtime.libraries import how_to_install, import_library

_NARROW = {"int8", "uint8"}
_NOT_CHANGED = {"int32"}  # what an integer product gives: not a way back to float


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator and the element types of what it reads and gives.

    activations  what flows in from other operators, without constants
    constants    weights, scales, shapes
    """

    name: str
    activations: tuple[str, ...]
    constants: tuple[str, ...]
    outputs: tuple[str, ...]

    @property
    def kind(self) -> str:
        """int8 (activations in and out), int8 weights (float activations), conversion, or other."""
        reads = not _NARROW.isdisjoint(self.activations)
        gives = not _NARROW.isdisjoint(self.outputs)
        if reads and (gives or not _NOT_CHANGED.isdisjoint(self.outputs)):
            return "int8"
        if reads or gives:
            return "conversion"
        return "other" if _NARROW.isdisjoint(self.constants) else "int8 weights"


@dataclass(frozen=True, slots=True)
class Operators:
    """The operators of one file, counted.

    seen_in  "engine": as onnxruntime runs them on this machine, after it has fused what it can;
             "file": as they are stored (which of them XNNPACK takes over, LiteRT does not say)
    """

    seen_in: str
    total: int
    int8: int
    int8_weights: int
    conversions: int
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
    names = Counter(one.name for one in operators)
    return Operators(
        seen_in=seen_in,
        total=len(operators),
        int8=kinds["int8"],
        int8_weights=kinds["int8 weights"],
        conversions=kinds["conversion"],
        counts=dict(names.most_common()),
    )


def _onnx(path: Path) -> Iterator[Operator]:
    """One inference under onnxruntime's own profiler, which names the types of every tensor."""
    ort, _ = import_library("onnx", purpose=_purpose(path))
    try:
        with tempfile.TemporaryDirectory() as folder:
            written = _profiled(ort, path, Path(folder))
            events = json.loads(written.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # a full disk: no file, or half of one
        raise EngineError(
            f"{_purpose(path)} takes a small temporary file, which cannot be written ({error}): "
            "free some space, or set TMPDIR to a folder that has some"
        ) from error
    for event in events:
        facts = event.get("args", {})
        if event.get("cat") == "Node" and "input_type_shape" in facts:
            # its profiler does not say what is constant; an activation always comes first
            first, *rest = _types(facts["input_type_shape"]) or ("",)
            yield Operator(
                facts["op_name"], (first,), tuple(rest), _types(facts["output_type_shape"])
            )


def _profiled(ort: Any, path: Path, folder: Path) -> Path:
    """The profile that onnxruntime writes into the folder of one inference on zeros."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3  # errors only
    options.enable_profiling = True
    options.profile_file_prefix = str(folder / "operators")
    try:
        session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        (tensor,) = session.get_inputs()
        session.run(None, {tensor.name: np.zeros(tensor.shape, dtype=np.float32)})
        return Path(session.end_profiling())
    except Exception as error:
        reason = str(error).splitlines()[0]
        raise EngineError(f"{path}: onnxruntime cannot run it ({reason})") from error


def _types(tensors: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    return tuple(kind for tensor in tensors for kind in tensor)


def _tflite(path: Path) -> Iterator[Operator]:
    """From the interpreter's private listing: there is no public one."""
    library, _ = import_library("tflite", purpose=_purpose(path))
    try:
        interpreter = library.Interpreter(model_path=str(path), num_threads=1)
        listed = interpreter._get_ops_details()
        details = interpreter.get_tensor_details()
    except (AttributeError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise EngineError(f"{path}: {library.__name__} does not list it ({reason})") from error
    tensors = {one["index"]: np.dtype(one["dtype"]).name for one in details}
    flowing = {one["index"] for one in interpreter.get_input_details()}
    flowing |= {index for one in listed for index in one["outputs"]}
    for one in listed:
        inputs = [int(index) for index in one["inputs"] if index >= 0]  # -1: left out
        yield Operator(
            one["op_name"],
            tuple(tensors.get(index, "") for index in inputs if index in flowing),
            tuple(tensors.get(index, "") for index in inputs if index not in flowing),
            tuple(tensors.get(int(index), "") for index in one["outputs"]),
        )


def _purpose(path: Path) -> str:
    return f"reading the operators of {path.name}"


_READERS: dict[str, tuple[Callable[[Path], Iterator[Operator]], str]] = {
    "onnx": (_onnx, "engine"),
    "tflite": (_tflite, "file"),
}
