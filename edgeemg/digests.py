"""Bytes in, their sha256 out, without OpenSSL: loading it costs the device 3.5 MB of memory.

The interpreter's own module does the same, as the standard library's `random` takes it for
sha512. It has no public name, so `hashlib` stands behind it.
"""

import importlib
from pathlib import Path
from typing import Any

_MODULES = ("_sha2", "_sha256", "hashlib")  # Python 3.12 and later; 3.11; any
_PIECE = 1 << 20  # bytes that are read at once


def sha256(content: bytes = b"") -> Any:
    """A hash object as `hashlib.sha256` gives it: `update`, `digest`, `hexdigest`."""
    for name in _MODULES:
        try:
            return importlib.import_module(name).sha256(content)
        except ImportError:
            continue
    raise AssertionError("hashlib is always there")


def sha256_of(path: Path) -> str:
    """Hexadecimal sha256 of a file; OSError where it cannot be read."""
    whole = sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            whole.update(piece)
    return str(whole.hexdigest())
