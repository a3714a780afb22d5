"""Every error that a user can cause, in one tree.

    EdgeEmgError              exit code 2
    ├── RecordingError        a recording, or the folder or table that it comes from
    ├── ManifestError         a manifest, or a bundle that does not match its manifest
    ├── ModelError            a model's name, shape or weights
    ├── EngineError           an inference engine that cannot load or run a file
    ├── PortError             a serial port: absent, busy, silent, or talking nonsense
    ├── SinkError             a place where decisions go
    ├── MissingExtraError     an optional dependency that is not installed
    ├── OutputExistsError     a place to write that holds something already
    └── GateError             exit code 1: all ran well, and the result is not good enough

Every message says what was wanted, what came, and what to do.
"""

from collections.abc import Iterator
from contextlib import contextmanager


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


class MissingExtraError(EdgeEmgError):
    """An optional dependency is not installed."""


class OutputExistsError(EdgeEmgError):
    """The place to write to holds something already."""


class GateError(EdgeEmgError):
    """Everything ran, and the result is not good enough to ship."""

    exit_code = 1


@contextmanager
def needs_extra(extra: str, purpose: str) -> Iterator[None]:
    """Turn an ImportError inside the block into a MissingExtraError that names the extra."""
    try:
        yield
    except ImportError as error:
        missing = error.name or str(error)
        raise MissingExtraError(
            f"{purpose} needs {missing}, which is not installed: pip install 'edgeemg[{extra}]'"
        ) from error
