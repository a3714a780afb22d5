"""An .npz file in; the arrays that were asked for out, and never more memory than they may take.

An archive may unfold to a thousand times its size, and an array's header may claim any shape: both
are looked at before anything is made of them. Nothing is unpickled.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from tokenize import TokenError
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo
from zlib import error as ZlibError

import numpy as np
from numpy.typing import NDArray

from edgeemg.errors import ManifestError

_LARGEST = 64 * 1024 * 1024  # bytes of one array; the largest of ours have a few hundred thousand
# what zipfile and numpy raise on archives that are none, and on headers that are no Python
_DAMAGED = (
    *(OSError, ValueError, LookupError, EOFError, BadZipFile, ZlibError, RuntimeError),
    *(TypeError, SyntaxError, TokenError, MemoryError),
)
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def read_arrays(path: Path, names: Sequence[str]) -> dict[str, NDArray[np.float32]]:
    """Float32 arrays of an .npz by name.

    ManifestError where one is missing, damaged, no float32, not finite, or larger than 64 MiB.
    """
    try:
        with ZipFile(path) as archive:
            return {name: _read(archive, archive.getinfo(f"{name}.npy")) for name in names}
    except _DAMAGED as error:
        raise ManifestError(f"{path} cannot be read ({error}): export or copy it again") from error


def _read(archive: ZipFile, member: ZipInfo) -> NDArray[np.float32]:
    if member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        raise ValueError(f"{member.filename} is packed as numpy never does")
    if member.file_size > _LARGEST:
        raise ValueError(f"{member.filename} would take {member.file_size:,} bytes")
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        if version not in _HEADERS:
            raise ValueError(f"{member.filename} has format {version}")
        header: tuple[tuple[int, ...], bool, np.dtype[Any]] = _HEADERS[version](file)
        shape, by_column, dtype = header
        size = math.prod(shape) * dtype.itemsize
        if dtype != np.float32 or size > member.file_size or min(shape, default=0) < 0:
            raise ValueError(f"{member.filename} claims to be {dtype} {shape}")
        array: NDArray[np.float32] = np.frombuffer(file.read(size), np.float32).reshape(
            shape, order="F" if by_column else "C"
        )
    if not np.isfinite(array).all():
        raise ValueError(f"{member.filename} holds values that are not finite")
    return array
