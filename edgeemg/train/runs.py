"""A trained network in, a run folder out, and back again. Nothing in it is ever unpickled.

model.pt        weights only
manifest.json   what the network takes and gives, and the sha256 of weights and windows
metrics.json    what it reached on the test part
config.toml     the settings, resolved
history.json    loss and accuracy by epoch
windows.npz     inputs from the training part (to calibrate int8) and the held-out ones, so
                that export needs the run alone
"""

import json
import pickle
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from edgeemg.digests import sha256_of
from edgeemg.errors import ModelError
from edgeemg.manifest import (
    MANIFEST_NAME,
    Manifest,
    ModelFile,
    read_manifest,
    verify_files,
    write_manifest,
)
from edgeemg.train.dataset import Part, spread
from edgeemg.train.models import make_model, revision
from edgeemg.train.settings import TrainSettings
from edgeemg.train.training import Trained

_SEALED = ("model.pt", "windows.npz")  # where a flipped bit would change results without a sign
_NO_WEIGHTS = (
    RuntimeError,
    pickle.UnpicklingError,
    EOFError,
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
)
_CALIBRATION = 512  # windows
_FILES = ("model.pt", MANIFEST_NAME, "metrics.json", "config.toml", "history.json", "windows.npz")


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A run read back: the network in evaluation mode and what export needs to know of it."""

    folder: Path
    model: nn.Module
    manifest: Manifest
    calibration: NDArray[np.float32]
    held_out: Part


def write_run(trained: Trained, folder: Path) -> None:
    """Write a run into a folder, made if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(trained.model.state_dict(), folder / "model.pt")
    _write_json(folder / "metrics.json", trained.metrics)
    _write_json(folder / "history.json", [asdict(epoch) for epoch in trained.history])
    (folder / "config.toml").write_text(_toml(trained.settings, trained.metrics["data"]), "utf-8")
    test = trained.dataset.test
    np.savez_compressed(
        folder / "windows.npz",
        calibration=spread(trained.dataset.train, _CALIBRATION, seed=trained.settings.fit.seed),
        held_out_inputs=test.inputs,
        held_out_classes=test.classes,
        held_out_trials=test.trials,
    )
    sealed = {name: _sealed(folder / name) for name in _SEALED}
    write_manifest(replace(trained.manifest, files=sealed), folder)


def read_run(folder: Path) -> Run:
    """A run from its folder; ManifestError or ModelError when it is not whole."""
    manifest = read_manifest(folder)
    lacking = [name for name in _FILES if not (folder / name).is_file()]
    if lacking:
        raise ModelError(
            f"{folder} is not a run that can be exported, it lacks {', '.join(lacking)}: "
            "train it again with `edgeemg train`"
        )
    verify_files(folder, manifest.files)
    if manifest.model.options.get("revision") != revision(manifest.model.family):
        raise ModelError(
            f"{folder} was trained by an edgeemg whose networks were others "
            f"(edgeemg {manifest.edgeemg_version}): train it again with this one"
        )
    model = make_model(
        manifest.model.family,
        channels=manifest.input_shape[1],
        window_samples=manifest.window_samples,
        classes=len(manifest.labels),
    )
    _load_weights(model, folder / "model.pt")
    try:
        with np.load(folder / "windows.npz", allow_pickle=False) as arrays:
            held_out = Part(*(arrays[f"held_out_{one}"] for one in ("inputs", "classes", "trials")))
            calibration = arrays["calibration"]
        _check_windows(calibration, held_out, manifest)
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise ModelError(f"{folder / 'windows.npz'} is damaged ({error}): train again") from error
    return Run(folder, model.eval(), manifest, calibration, held_out)


def _sealed(path: Path) -> ModelFile:
    return ModelFile(sha256=sha256_of(path), bytes=path.stat().st_size)


def _check_windows(calibration: NDArray[Any], held_out: Part, manifest: Manifest) -> None:
    """ValueError where the arrays are not what training writes."""
    for name, inputs in (("calibration", calibration), ("held_out_inputs", held_out.inputs)):
        if inputs.dtype != np.float32 or inputs.shape[1:] != manifest.input_shape[1:]:
            raise ValueError(f"{name} is {inputs.dtype} {inputs.shape}")
        if not len(inputs) or not np.isfinite(inputs).all():
            raise ValueError(f"{name} is empty or not finite")
    if not len(held_out.inputs) == len(held_out.classes) == len(held_out.trials):
        raise ValueError("held-out arrays differ in length")
    if not np.isin(held_out.classes, np.arange(len(manifest.labels))).all():
        raise ValueError("held_out_classes name labels that are not there")


def _load_weights(model: nn.Module, path: Path) -> None:
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
        model.load_state_dict(weights)
    except _NO_WEIGHTS as error:
        # torch's own words are left out: they tell people to unpickle what they received
        raise ModelError(
            f"{path} does not hold the weights of this run ({type(error).__name__}): train again"
        ) from error
    if not all(bool(torch.isfinite(one).all()) for one in model.state_dict().values()):
        raise ModelError(f"{path} holds weights that are not finite: train again")


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _toml(settings: TrainSettings, data: str) -> str:
    """The settings as TOML: tables of strings, numbers and booleans, JSON-quoted."""
    plain = asdict(settings)
    fit = plain.pop("fit")
    augmentation = fit.pop("augmentation")
    lines = _rows({"data": data, **plain})
    lines += ["", "[fit]", *_rows(fit), "", "[fit.augmentation]", *_rows(augmentation)]
    return "\n".join(lines) + "\n"


def _rows(table: dict[str, Any]) -> list[str]:
    return [f"{name} = {json.dumps(one)}" for name, one in table.items() if one is not None]
