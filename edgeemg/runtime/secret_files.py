"""A file that holds a token or a password in, its text out; who else may read it is told."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

from edgeemg.errors import SinkError

_LONGEST = 4096  # bytes; more is neither a token nor a name and a password


def read_secret(path: Path, what: str, *, tell: Callable[[str], None]) -> str:
    """The text that the file holds.

    what  is in it, for people: "token" or "password"
    tell  is told where others on this machine may read the file
    SinkError where it cannot be read, is no text, or is longer than such a thing can be.
    """
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                tell(f"others on this machine may read the {what} in {path}: chmod 600 {path}")
            held = file.read(_LONGEST + 1)
    except OSError as error:
        raise SinkError(f"cannot read the {what} in {path} ({error.strerror})") from error
    if len(held) > _LONGEST:
        raise SinkError(f"{path} holds more than {_LONGEST} bytes: that is no {what}")
    try:
        return held.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SinkError(f"cannot read the {what} in {path} (it is not text)") from error
