"""What a cell gave in, a file of its own out, and back again: whole, or not at all.

A cell lies at `cells/<key>.json`, where the key names its settings, data and recipe:

    key, settings, data_sha256, recipe_sha256   what it is of
    metrics        the same at every run
    train_seconds  of each fold, on the machine that it ran on: another at every run
    sha256         of all of the above, so that a damaged file is told from a whole one
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeemg.errors import OutputExistsError

CELLS = "cells"


class DamagedCell(Exception):  # noqa: N818  # nobody's mistake: the cell is made anew
    """A cell's file that is not what was written."""


@dataclass(frozen=True, slots=True)
class CellResult:
    """What one cell gave."""

    metrics: dict[str, Any]
    train_seconds: tuple[float, ...]


def open_folder(folder: Path) -> None:
    """Make the folder of a comparison, or take up one that is there.

    OutputExistsError for a file, and for a folder that holds something else than a comparison.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputExistsError(f"{folder} is a file: name a folder")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / CELLS).is_dir():
        raise OutputExistsError(
            f"{folder} holds something, but no {CELLS}/ of a comparison: name another folder"
        )
    (folder / CELLS).mkdir(parents=True, exist_ok=True)


def write_cell(folder: Path, key: str, facts: Mapping[str, Any], result: CellResult) -> None:
    """Write a cell into the folder of a comparison; `facts` say what it is of."""
    content = {
        "key": key,
        **facts,
        "metrics": result.metrics,
        "train_seconds": list(result.train_seconds),
    }
    whole = content | {"sha256": _seal(content)}
    write_whole(_path(folder, key), json.dumps(whole, indent=1, ensure_ascii=False) + "\n")


def read_cell(folder: Path, key: str) -> CellResult | None:
    """A cell that was written before, None where there is none; DamagedCell for what is left."""
    path = _path(folder, key)
    if not path.exists():
        return None
    try:
        content = json.loads(path.read_bytes())
        seal = content.pop("sha256")
        result = CellResult(content["metrics"], tuple(content["train_seconds"]))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise DamagedCell(f"{path} is damaged ({type(error).__name__})") from error
    if seal != _seal(content) or content["key"] != key:
        raise DamagedCell(f"{path} is damaged (its checksum does not fit)")
    return result


def write_whole(path: Path, text: str) -> None:
    """Write a text file that is there whole or not at all; an OSError names it."""
    try:
        _write_whole(path, text)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def _write_whole(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    work = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        work.chmod(0o644)
        work.replace(path)
    finally:
        work.unlink(missing_ok=True)


def _path(folder: Path, key: str) -> Path:
    return folder / CELLS / f"{key}.json"


def _seal(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
