"""A bundle in; what it holds and what was really quantised out, as plain JSON."""

from dataclasses import asdict
from typing import Any

from edgeemg.errors import EngineError, MissingExtraError
from edgeemg.manifest import Band, Manifest, ModelFile
from edgeemg.profiler.explanations import explanation
from edgeemg.profiler.operators import read_operators
from edgeemg.profiler.response import pass_bands
from edgeemg.runtime.bundle import Bundle
from edgeemg.runtime.engines import open_engine

SCHEMA_VERSION = 1


def inspect_bundle(bundle: Bundle) -> dict[str, Any]:
    """What `edgeemg inspect --json` prints: the manifest in readable units, and each model file.

    failed_gates  a sentence for each, of a bundle that was written in spite of them
    choice        by board, the file that export chose, and what it costs there, emulated
    boards        by board, every file that export measured for it; null where it measured none
    state         of a streaming model: each tensor that is kept from hop to hop
    files         each with `operators` (see Operators), `explanation` of its arithmetic in words,
                  `state_bytes` as its engine keeps them, and `parity` with PyTorch
    Reading operators takes the file's engine: where it is missing, `operators` and `state_bytes`
    are null and `operators_missing` says what to install.
    """
    manifest = bundle.manifest
    rate = manifest.sample_rate_hz
    return {
        "schema_version": SCHEMA_VERSION,
        "failed_gates": list(manifest.failed_gates),
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
        "state": [{"name": one.name, "shape": list(one.shape)} for one in manifest.state],
        "model": asdict(manifest.model),
        "decision": asdict(manifest.decision),
        "training": asdict(manifest.training) | {"digests": list(manifest.training.digests)},
        "pytorch": manifest.parity.get("pytorch"),
        "held_out": manifest.parity.get("held_out"),
        "choice": {board: asdict(one) for board, one in manifest.choice.items()},
        "boards": manifest.parity.get("boards"),
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
    facts = bundle.models[name]
    operators, state_bytes, missing = None, None, None
    try:
        operators = read_operators(bundle.folder / name, facts.engine)
        state_bytes = _state_bytes(bundle, facts)
    except (MissingExtraError, EngineError) as error:
        missing = str(error)
    return {
        "file": name,
        **asdict(facts),
        "kept_float": list(facts.kept_float),
        "explanation": explanation(facts, operators),
        "operators": operators and asdict(operators),
        "operators_missing": missing,
        "state_bytes": state_bytes,
        "parity": _parity(bundle.manifest, name),
    }


def _state_bytes(bundle: Bundle, facts: ModelFile) -> int:
    """What goes in and out of a streaming model's file at every hop besides the samples."""
    if bundle.manifest.mode == "window":
        return 0
    engine = open_engine(bundle, facts.engine, facts.precision)
    return sum(memoryview(one).nbytes for one in engine.start())  # bytes or arrays


def _parity(manifest: Manifest, name: str) -> dict[str, Any] | None:
    """What export measured of this file against PyTorch."""
    kept = (
        "engine",
        "passed",
        "largest_difference",
        "label_agreement",
        "accuracy",
        "balanced_accuracy",
        "balanced_accuracy_drop",
        "drop_interval",
        "worst_layers",
    )
    for one in manifest.parity.get("files", []):
        if one.get("file") == name:
            return {key: one.get(key) for key in kept}
    return None
