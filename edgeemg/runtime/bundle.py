"""A bundle folder in; its manifest, checked, and its files out."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeemg.errors import ManifestError
from edgeemg.manifest import Manifest, ModelFile, read_manifest, verify_files
from edgeemg.runtime.heads import Head

GOLDEN_NAME = "golden.npz"
HEAD_NAME = "head.npz"
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
        arrays = self.golden_arrays("inputs", "logits")
        return arrays["inputs"], arrays["logits"]

    def golden_of(self, file_name: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Inputs (n, channel, time) and the logits (n, class) that this very file gave at export.

        ManifestError as in `golden`, or where the bundle holds no such file's.
        """
        key = golden_key(file_name)
        arrays = self.golden_arrays("inputs", key)
        return arrays["inputs"], arrays[key]

    def golden_arrays(self, *names: str) -> dict[str, NDArray[np.float32]]:
        """Arrays of golden.npz by name; ManifestError as in `golden`."""
        return self._arrays(GOLDEN_NAME, *names)

    @property
    def head_path(self) -> Path | None:
        """Where the last layer of calibration is; None of a bundle that was not calibrated."""
        return None if self.manifest.calibration is None else self.folder / HEAD_NAME

    def head(self) -> Head | None:
        """The last layer that calibration put in place of the files' own; None of another bundle.

        ManifestError where it is missing, damaged, or for other labels.
        """
        if self.manifest.calibration is None:
            return None
        head = Head(**self._arrays(HEAD_NAME, "weight", "bias"))
        n = len(self.manifest.labels)
        if head.bias.shape != (n,) or head.weight.ndim != 2 or len(head.weight) != n:
            raise ManifestError(
                f"{self.folder / HEAD_NAME} is a layer of {head.weight.shape} and {head.bias.shape}"
                f" for {n} labels: calibrate again"
            )
        return head

    def layer(self) -> Head:
        """The last layer that answers now: calibration's, or the one that the files have.

        ManifestError as in `head`, or where an earlier edgeemg exported the bundle.
        """
        head = self.head()
        return head if head is not None else Head(**self.golden_arrays("weight", "bias"))

    def _arrays(self, file: str, *names: str) -> dict[str, NDArray[np.float32]]:
        # zipfile and all that it loads: `run` on a bundle as it was exported needs none of it
        from edgeemg.runtime.archives import read_arrays

        if file not in self.manifest.files:
            raise ManifestError(f"{self.folder} lists no {file}: export again")
        verify_files(self.folder, {file: self.manifest.files[file]})
        return read_arrays(self.folder / file, names)


def golden_key(file_name: str) -> str:
    """The name under which golden.npz keeps what a model file gave at export."""
    return f"logits:{file_name}"


def embedding_key(file_name: str) -> str:
    """The name under which golden.npz keeps the embeddings that a model file gave at export."""
    return f"embedding:{file_name}"


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
