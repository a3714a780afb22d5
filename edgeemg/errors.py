"""Every error that a user can cause, in one tree.

    EdgeEmgError              exit code 2
    ├── RecordingError        a recording, or the folder or table that it comes from
    ├── ManifestError         a manifest, or a bundle that does not match its manifest
    ├── ModelError            a model's name, shape or weights
    ├── EngineError           an inference engine that cannot load or run a file
    ├── PortError             a serial port: absent, busy, silent, or talking nonsense
    ├── SinkError             a place where decisions go
    ├── WorkerError           machines that work is sent to
    ├── MissingExtraError     an optional dependency that is not installed, or broken
    ├── MissingToolError      a program that is not installed, or a download that failed
    ├── OutputExistsError     a place to write that holds something already
    └── GateError             exit code 1: all ran well, and the result is not good enough

Every message says what was wanted, what came, and what to do.
"""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

_OURS = ("edgeemg", "edgeemg_export", "firmware_bridge")


class EdgeEmgError(Exception):
    """Something a user can mend. The command line prints it as one line."""

    exit_code = 2


class RecordingError(EdgeEmgError):
    """A recording, or the folder or table that it comes from, cannot be used."""


class ManifestError(EdgeEmgError):
    """A manifest is unreadable, or its bundle does not match it."""


class ModelError(EdgeEmgError):
    """A model's name, shape or weights are not what was asked for."""


class EngineError(EdgeEmgError):
    """An inference engine cannot load or run a model file."""


class PortError(EdgeEmgError):
    """A serial port is absent, busy, silent, or talks nonsense."""


class SinkError(EdgeEmgError):
    """A place where decisions go cannot be used."""


class WorkerError(EdgeEmgError):
    """Machines that work is sent to cannot be reached."""


class MissingExtraError(EdgeEmgError):
    """An optional dependency is not installed, or is and cannot be imported."""


class MissingToolError(EdgeEmgError):
    """A program of the system that is not installed, or a download that it needs and fails."""


class OutputExistsError(EdgeEmgError):
    """The place to write to holds something already."""


class GateError(EdgeEmgError):
    """Everything ran, and the result is not good enough to ship."""

    exit_code = 1


@contextmanager
def needs_extra(extra: str, purpose: str) -> Iterator[None]:
    """Turn a failed import of another's package inside the block into a MissingExtraError.

    It says what `purpose` lacks and how to install it, or that it is installed but broken.
    A failed import of our own is a bug and passes through.
    """
    try:
        yield
    except ImportError as error:
        package = _culprit(error)
        if package in _OURS:
            raise
        if isinstance(error, ModuleNotFoundError) and find_spec(package) is None:
            raise MissingExtraError(
                f"{purpose} needs {package}, which is not installed: pip install 'edgeemg[{extra}]'"
            ) from error
        reason = " ".join(str(error).split())
        raise MissingExtraError(
            f"{purpose} needs {package}, which is installed but cannot be imported ({reason}): "
            f"reinstall it with pip install --force-reinstall 'edgeemg[{extra}]'"
        ) from error


def _culprit(error: ImportError) -> str:
    """The top package of what could not be imported; where that has no name, of what raised."""
    name = error.name
    if name is None:
        *_, (frame, _) = traceback.walk_tb(error.__traceback__)
        name = str(frame.f_globals["__name__"])
    return name.partition(".")[0]
