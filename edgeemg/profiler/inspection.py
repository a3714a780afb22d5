"""A bundle in; what it holds and what was really quantised out, as plain JSON."""

from dataclasses import asdict
from typing import Any

from edgeemg.errors import EngineError, MissingExtraError
from edgeemg.manifest import Band, Manifest
from edgeemg.profiler.operators import read_operators
from edgeemg.profiler.response import pass_bands
from edgeemg.runtime.bundle import Bundle

SCHEMA_VERSION = 1


def inspect_bundle(bundle: Bundle) -> dict[str, Any]:
    """What `edgeemg inspect --json` prints: the manifest in readable units, and each model file.

    Reading operators takes the file's engine: where it is missing, `operators` is null and
    `operators_missing` says what to install.
    """
    manifest = bundle.manifest
    rate = manifest.sample_rate_hz
    return {
        "schema_version": SCHEMA_VERSION,
        "name": manifest.name,
        "created": manifest.created,
        "edgeemg_version": manifest.edgeemg_version,
        "labels": list(manifest.labels),
        "rest_label": manifest.rest_label,
        "sample_rate_hz": rate,
        "channels": [asdict(one) for one in manifest.channels],
        "window_samples": manifest.window_samples,
        "window_ms": manifest.window_samples / rate * 1000,
        "hop_samples": manifest.hop_samples,
        "hop_ms": manifest.hop_samples / rate * 1000,
        "bands": [_band(one, rate) for one in manifest.bands],
        "scale_microvolts": list(manifest.scale),
        "clip": manifest.clip,
        "input_shape": list(manifest.input_shape),
        "mode": manifest.mode,
        "state": [asdict(one) for one in manifest.state],
        "model": asdict(manifest.model),
        "decision": asdict(manifest.decision),
        "training": asdict(manifest.training) | {"digests": list(manifest.training.digests)},
        "pytorch": manifest.parity.get("pytorch"),
        "held_out": manifest.parity.get("held_out"),
        "files": [_file(bundle, name) for name in bundle.models],
    }


def _band(band: Band, sample_rate_hz: float) -> dict[str, Any]:
    passes = pass_bands(band.sections, sample_rate_hz)
    return {
        "name": band.name,
        "sections": len(band.sections),
        "passes_hz": [[round(low, 3), round(high, 3)] for low, high in passes],
    }


def _file(bundle: Bundle, name: str) -> dict[str, Any]:
    operators, missing = None, None
    try:
        operators = asdict(read_operators(bundle.folder / name, bundle.models[name].engine))
    except (MissingExtraError, EngineError) as error:
        missing = str(error)
    return {
        "file": name,
        **asdict(bundle.models[name]),
        "operators": operators,
        "operators_missing": missing,
        "parity": _parity(bundle.manifest, name),
    }


def _parity(manifest: Manifest, name: str) -> dict[str, Any] | None:
    """What export measured of this file against PyTorch."""
    kept = ("engine", "largest_difference", "label_agreement", "accuracy", "balanced_accuracy")
    for one in manifest.parity.get("files", []):
        if one.get("file") == name:
            return {key: one.get(key) for key in kept}
    return None
