"""A bundle and what was fitted to another day in; a bundle for that day, in its own folder, out.

Model files are copied as they are. What is new: head.npz (weight, bias) in place of their last
layer, the scale in the manifest, where both come from, and what the files answer to the golden
inputs with the new layer.
"""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeemg.digests import sha256_of
from edgeemg.errors import ManifestError
from edgeemg.manifest import (
    MANIFEST_NAME,
    Calibration,
    Manifest,
    ModelFile,
    verify_files,
    write_manifest,
)
from edgeemg.runtime.bundle import GOLDEN_NAME, HEAD_NAME, Bundle, embedding_key, golden_key
from edgeemg.runtime.heads import Head


def source_sha256(bundle: Bundle) -> str:
    """What a calibrated bundle says that it was made from."""
    return sha256_of(bundle.folder / MANIFEST_NAME)


def write_calibrated(
    bundle: Bundle, target: Path, head: Head, scale: tuple[float, ...], calibration: Calibration
) -> Manifest:
    """Write the calibrated bundle into the empty folder `target`; the one it comes from stays.

    Returns its manifest. ManifestError where the bundle was damaged meanwhile, or has no embeddings
    among its golden answers.
    """
    manifest = bundle.manifest
    made = (GOLDEN_NAME, HEAD_NAME)
    kept = {name: one for name, one in manifest.files.items() if name not in made}
    np.savez(target / GOLDEN_NAME, **_answers(bundle, head))  # type: ignore[arg-type]  # arrays
    np.savez(target / HEAD_NAME, weight=head.weight, bias=head.bias)
    for name in kept:
        shutil.copyfile(bundle.folder / name, target / name)
    try:
        verify_files(target, kept)
    except ManifestError as error:
        raise ManifestError(f"{bundle.folder} changed while it was copied: run it again") from error
    files = {**kept, **{name: _facts(target / name) for name in made}}
    calibrated = replace(manifest, scale=scale, files=files, calibration=calibration)
    write_manifest(calibrated, target)
    return calibrated


def _answers(bundle: Bundle, head: Head) -> dict[str, NDArray[np.float32]]:
    """golden.npz with the logits that follow from its embeddings."""
    keys = {golden_key(name): embedding_key(name) for name in bundle.models}
    answers = bundle.golden_arrays("inputs", "embedding", "weight", "bias", *keys.values())
    answers["logits"] = head.logits(answers["embedding"])
    for logits, embedding in keys.items():
        answers[logits] = head.logits(answers[embedding])
    return answers


def _facts(path: Path) -> ModelFile:
    return ModelFile(sha256=sha256_of(path), bytes=path.stat().st_size)
