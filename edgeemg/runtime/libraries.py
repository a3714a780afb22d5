"""An engine's name in; the library that runs its files, imported, out."""

import importlib
import sys
from importlib.util import find_spec
from types import ModuleType
from typing import NamedTuple

from edgeemg.errors import MissingExtraError, needs_extra


class Library(NamedTuple):
    """What is imported, the name that it is installed under, and the extra that installs it."""

    module: str
    distribution: str
    extra: str


# engine -> its libraries, in the order in which they are tried
LIBRARIES = {
    "onnx": (Library("onnxruntime", "onnxruntime", "onnx"),),
    # the successor first: the same interface, newer kernels, Python above 3.11
    "tflite": (
        Library("ai_edge_litert.interpreter", "ai-edge-litert", "litert"),
        Library("tflite_runtime.interpreter", "tflite-runtime", "tflite-runtime"),
    ),
}


def import_library(engine: str, *, purpose: str) -> tuple[ModuleType, str]:
    """The first library of an engine that can be imported, and its distribution's name.

    Raises MissingExtraError, which says what `purpose` lacks: none is installed, or the first
    that is cannot be imported.
    """
    installed = _installed(engine)
    if not installed:
        wanted = LIBRARIES[engine][0].distribution
        raise MissingExtraError(
            f"{purpose} needs {wanted}, which is not installed: {how_to_install(engine)}"
        )
    failures = []
    for library in installed:
        try:
            with needs_extra(library.extra, purpose):
                return importlib.import_module(library.module), library.distribution
        except MissingExtraError as error:
            failures.append(error)
    raise failures[0]


def is_installed(engine: str) -> bool:
    """Whether a library of the engine can be found; nothing is loaded."""
    return bool(_installed(engine))


def how_to_install(engine: str) -> str:
    """The command that installs an engine; says so where this version knows none of that name."""
    if engine not in LIBRARIES:
        return f"upgrade edgeemg: this version knows no engine {engine!r}"
    return f"pip install 'edgeemg[{LIBRARIES[engine][0].extra}]'"


def title_of(library: ModuleType, distribution: str) -> str:
    """A library that is imported, with its version, as in `ai-edge-litert 2.3.0`."""
    package = sys.modules[library.__name__.partition(".")[0]]
    # a nightly build or a system's own package is installed under another name
    version = getattr(package, "__version__", None) or version_of(distribution)
    return f"{distribution} {version or 'of unknown version'}"


def version_of(distribution: str) -> str | None:
    """The installed version; None where nothing is installed under that name."""
    from importlib.metadata import PackageNotFoundError, version  # 2 MB, which a run can do without

    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _installed(engine: str) -> list[Library]:
    return [one for one in LIBRARIES[engine] if find_spec(one.module.partition(".")[0])]
