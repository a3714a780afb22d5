"""A bundle in; what every report says of it, and the files that were asked for, out."""

from typing import Any

from edgeemg.errors import ManifestError
from edgeemg.manifest import Manifest, ModelFile
from edgeemg.runtime.bundle import Bundle


def chosen_files(bundle: Bundle, engine: str | None, precision: str | None) -> dict[str, ModelFile]:
    """The model files of one engine or precision, by name; ManifestError where there is none."""
    chosen = {
        name: one
        for name, one in bundle.models.items()
        if engine in (None, one.engine) and precision in (None, one.precision)
    }
    if not chosen:
        wanted = " ".join(one for one in (engine, precision) if one)
        has = ", ".join(f"{one.engine} {one.precision}" for one in bundle.models.values())
        raise ManifestError(f"{bundle.folder} holds no {wanted} model; it holds {has or 'none'}")
    return chosen


def bundle_facts(manifest: Manifest) -> dict[str, Any]:
    """What a report says of the model that it is about."""
    rate = manifest.sample_rate_hz
    return {
        "name": manifest.name,
        "created": manifest.created,
        "family": manifest.model.family,
        "parameters": manifest.model.parameters,
        "macs": manifest.model.macs,
        "channels": len(manifest.channels),
        "sample_rate_hz": rate,
        "window_ms": manifest.window_samples / rate * 1000,
        "hop_ms": manifest.hop_samples / rate * 1000,
        "mode": manifest.mode,
        "generated_emg": manifest.training.generated,
    }


def hop_s(manifest: Manifest) -> float:
    """Seconds from one decision to the next."""
    return manifest.hop_samples / manifest.sample_rate_hz
