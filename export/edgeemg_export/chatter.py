"""What converters print goes to a log file, down to the file descriptors of their C++ parts."""

import contextlib
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def into_log(path: Path) -> Iterator[None]:
    """Send everything printed inside the block, by Python or by a library, to the end of `path`."""
    sys.stdout.flush()
    sys.stderr.flush()
    with path.open("a", encoding="utf-8") as log, contextlib.ExitStack() as stack:
        for descriptor in (1, 2):
            stack.enter_context(_onto(descriptor, log.fileno()))
        stack.enter_context(contextlib.redirect_stdout(log))
        stack.enter_context(contextlib.redirect_stderr(log))
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("default")
        yield
        log.flush()


@contextlib.contextmanager
def _onto(descriptor: int, target: int) -> Iterator[None]:
    kept = os.dup(descriptor)
    try:
        os.dup2(target, descriptor)
        yield
    finally:
        os.dup2(kept, descriptor)
        os.close(kept)
