"""Folders that verbs write: whole or not at all, and never over something by accident."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgeemg.errors import OutputExistsError


@contextmanager
def fresh_folder(out: Path, *, force: bool) -> Iterator[Path]:
    """A temporary folder beside `out` that takes its place when the block ends well.

    OutputExistsError where `out` holds something already and `force` is not set. With `force`
    the old content stays until the new one is whole.
    """
    if out.exists() and not out.is_dir():
        raise OutputExistsError(f"{out} is a file: name a folder")
    if out.is_dir() and any(out.iterdir()) and not force:
        raise OutputExistsError(f"{out} is not empty: name another folder, or add --force")
    out.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        yield work
        work.chmod(0o755)
        if out.is_dir():
            shutil.rmtree(out)
        work.rename(out)
    finally:
        shutil.rmtree(work, ignore_errors=True)
