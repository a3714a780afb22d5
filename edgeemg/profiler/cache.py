"""A name and how to fill a folder in; that folder, filled once and kept, out."""

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from edgeemg.errors import MissingToolError

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}
_PART = ".part-"  # what an interrupted fill leaves behind


def cache_folder() -> Path:
    """$XDG_CACHE_HOME/edgeemg/aarch64, or below ~/.cache (XDG Base Directory Specification)."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    home = Path(base) if Path(base).is_absolute() else Path.home() / ".cache"
    return home / "edgeemg" / "aarch64"


@contextmanager
def locked(cache: Path) -> Iterator[None]:
    """Alone in the cache: a second process waits here. Clears what killed ones have left."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left in cache.glob(f"{_PART}*"):
            shutil.rmtree(left, ignore_errors=True)
        yield


def filled_once(folder: Path, fill: Callable[[Path], None]) -> Path:
    """The folder; where it is not there, `fill` fills another one, which then takes its name.

    So a folder under its name is always whole, whatever interrupted the filling. MissingToolError
    where there is no room for it.
    """
    if folder.is_dir():
        return folder
    try:
        with tempfile.TemporaryDirectory(prefix=_PART, dir=folder.parent) as part:
            fresh = Path(part) / folder.name
            fresh.mkdir()
            fill(fresh)
            fresh.rename(folder)
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise MissingToolError(
            f"the cache {folder.parent} cannot be filled ({error.strerror or error}): it takes "
            "300 MB; free some space, or set XDG_CACHE_HOME to a folder that has it"
        ) from error
    return folder
