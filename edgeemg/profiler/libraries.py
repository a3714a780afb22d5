"""An engine's name in; its library, imported, out."""

import importlib
from importlib.util import find_spec
from types import ModuleType

from edgeemg.errors import MissingExtraError

_EXTRAS = {"onnx": "onnx", "tflite": "litert"}  # engine -> the extra that installs it
# what each engine imports, in the order in which the runtime tries
_LIBRARIES = {
    "onnx": ("onnxruntime",),
    "tflite": ("ai_edge_litert.interpreter", "tflite_runtime.interpreter"),
}


def how_to_install(engine: str) -> str:
    """The command that installs an engine; says so where this version knows none of that name."""
    if engine not in _EXTRAS:
        return f"upgrade edgeemg: this version knows no engine {engine!r}"
    return f"pip install 'edgeemg[{_EXTRAS[engine]}]'"


def import_library(engine: str, *, purpose: str) -> ModuleType:
    """The library that runs an engine's files; MissingExtraError says what `purpose` lacks.

    One that is installed and cannot be imported raises its own ImportError, which says why.
    """
    for name in _LIBRARIES[engine]:
        if find_spec(name.partition(".")[0]) is not None:
            return importlib.import_module(name)
    raise MissingExtraError(
        f"{purpose} needs {_LIBRARIES[engine][0].partition('.')[0]}, which is not installed: "
        + how_to_install(engine)
    )
