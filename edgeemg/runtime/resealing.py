"""A bundle and other decision settings in; the bundle sealed over them out, and the way back."""

import os
import tempfile
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path

from edgeemg.errors import ManifestError
from edgeemg.manifest import MANIFEST_NAME, DecisionSettings, Manifest, read_manifest
from edgeemg.runtime.bundle import Bundle
from edgeemg.runtime.decisions import Gate


def replace_settings(bundle: Bundle, settings: DecisionSettings) -> Path:
    """Write the settings into the bundle's manifest; returns where the manifest before is kept.

    Whoever reads the bundle meanwhile finds one manifest or the other, never half of one; so
    after a power cut. Model files are not touched; the copies of the manifest in ONNX files
    stay as export wrote them. To undo, put the kept file in the manifest's place. ManifestError
    for settings that no gate takes, or where the manifest changed since the bundle was opened.
    """
    Gate(bundle.manifest, settings)
    path = bundle.folder / MANIFEST_NAME
    if read_manifest(bundle.folder) != bundle.manifest:
        raise ManifestError(f"{path} changed since it was read: nothing written, run it again")
    kept = _free_name(bundle.folder)
    _put(kept, bundle.manifest)
    try:
        _put(path, replace(bundle.manifest, decision=settings))
    except BaseException:
        with suppress(OSError):
            kept.unlink()
        raise
    return kept


def _free_name(folder: Path) -> Path:
    """manifest.before-tune-1.json, or the first number that is free."""
    names = (folder / f"manifest.before-tune-{number}.json" for number in count(1))
    return next(name for name in names if not name.exists())


def _put(path: Path, manifest: Manifest) -> None:
    """Write beside it, flush to the disk, then take its place."""
    handle, name = tempfile.mkstemp(prefix=".manifest-", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(manifest.dumps())
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod((path.parent / MANIFEST_NAME).stat().st_mode & 0o777)
        Path(name).replace(path)
        _flush(path.parent)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise


def _flush(folder: Path) -> None:
    """The folder's own entries to the disk: the kept manifest has to outlast a power cut too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
