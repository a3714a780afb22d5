"""A bundle folder in; its manifest, checked, and its files out."""

from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from edgeemg.errors import ManifestError
from edgeemg.manifest import Manifest, ModelFile, read_manifest, verify_files

GOLDEN_NAME = "golden.npz"
PARITY_NAME = "parity.json"


@dataclass(frozen=True, slots=True)
class Bundle:
    """A folder whose every file has been checked against the manifest."""

    folder: Path
    manifest: Manifest

    @property
    def models(self) -> dict[str, ModelFile]:
        """The files that an engine loads, by name."""
        return {name: one for name, one in self.manifest.files.items() if one.engine}

    def model_path(self, engine: str, precision: str) -> Path:
        """The file for an engine and a precision; ManifestError lists what there is."""
        for name, facts in self.models.items():
            if (facts.engine, facts.precision) == (engine, precision):
                return self.folder / name
        has = ", ".join(sorted(f"{one.engine} {one.precision}" for one in self.models.values()))
        raise ManifestError(
            f"{self.folder} holds no {engine} model in {precision}; it holds {has or 'none'}"
        )

    def golden(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Inputs (n, channel, time) and PyTorch's logits (n, class) for a self-test.

        ManifestError where the bundle has none, or they were damaged since it was opened.
        """
        arrays = self._golden_arrays("inputs", "logits")
        return arrays["inputs"], arrays["logits"]

    def golden_of(self, file_name: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Inputs (n, channel, time) and the logits (n, class) that this very file gave at export.

        ManifestError as in `golden`, or where the bundle holds no such file's.
        """
        key = golden_key(file_name)
        arrays = self._golden_arrays("inputs", key)
        return arrays["inputs"], arrays[key]

    def _golden_arrays(self, *names: str) -> dict[str, NDArray[np.float32]]:
        path = self.folder / GOLDEN_NAME
        if GOLDEN_NAME not in self.manifest.files:
            raise ManifestError(f"{self.folder} lists no {GOLDEN_NAME}: export again")
        verify_files(self.folder, {GOLDEN_NAME: self.manifest.files[GOLDEN_NAME]})
        try:
            with np.load(path, allow_pickle=False) as arrays:
                return {name: arrays[name] for name in names}
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            raise ManifestError(f"{path} cannot be read ({error}): export again") from error


def golden_key(file_name: str) -> str:
    """The name under which golden.npz keeps what a model file gave at export."""
    return f"logits:{file_name}"


def open_bundle(folder: Path) -> Bundle:
    """Read and check a bundle: ManifestError for a missing, damaged or newer one."""
    manifest = read_manifest(folder)
    if not any(one.engine for one in manifest.files.values()):
        raise ManifestError(
            f"{folder} is a run, not a bundle: export it first with "
            f"`edgeemg export {folder} --quantize --out BUNDLE`"
        )
    verify_files(folder, manifest.files)
    return Bundle(folder, manifest)
