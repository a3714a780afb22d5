"""A bundle and an engine's name in; one object that turns model inputs into logits out."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edgeemg.errors import EngineError
from edgeemg.runtime.bundle import Bundle, open_bundle
from edgeemg.runtime.libraries import is_installed

PRECISIONS = ("float32", "int8")


class Engine(Protocol):
    """One loaded model file.

    name       the engine and its version, as in `onnxruntime 1.22.0`
    precision  float32 or int8
    """

    name: str
    precision: str

    def logits(self, model_input: NDArray[np.float32]) -> NDArray[np.float32]:
        """(1, channel, time) float32 -> (class,) float32."""
        ...


def _onnx(path: Path, precision: str) -> Engine:
    from edgeemg.runtime.engine_onnx import OnnxEngine

    return OnnxEngine(path, precision)


def _tflite(path: Path, precision: str) -> Engine:
    from edgeemg.runtime.engine_tflite import TfliteEngine

    return TfliteEngine(path, precision)


ENGINES: dict[str, Callable[[Path, str], Engine]] = {"onnx": _onnx, "tflite": _tflite}


def open_engine(bundle: Bundle | Path, engine: str, precision: str = "float32") -> Engine:
    """Load one model file of a bundle.

    engine     "onnx" (onnxruntime) or "tflite" (ai-edge-litert, or else tflite-runtime)
    precision  "float32" or "int8"
    Raises MissingExtraError where the engine is not installed or broken, EngineError where it
    refuses the file or the file does not fit the manifest, ManifestError for a damaged bundle.
    """
    if engine not in ENGINES:
        raise EngineError(f"unknown engine {engine!r}: choose one of {', '.join(ENGINES)}")
    if precision not in PRECISIONS:
        raise EngineError(f"unknown precision {precision!r}: choose one of {', '.join(PRECISIONS)}")
    if isinstance(bundle, Path):
        bundle = open_bundle(bundle)
    if bundle.manifest.mode != "window":
        raise EngineError(
            f"{bundle.folder}: the model is of mode {bundle.manifest.mode!r} and this runtime runs "
            "'window' only: upgrade edgeemg, or export a model that takes windows"
        )
    opened = ENGINES[engine](bundle.model_path(engine, precision), precision)
    _check_shape(opened, bundle)
    return opened


def installed_engines() -> list[str]:
    """The engines whose library can be found, in the order of ENGINES, without loading any."""
    return [name for name in ENGINES if is_installed(name)]


def _check_shape(engine: Engine, bundle: Bundle) -> None:
    """One inference on zeros: a file that does not fit its manifest is refused before a run."""
    manifest = bundle.manifest
    try:
        logits = engine.logits(np.zeros(manifest.input_shape, dtype=np.float32))
    except Exception as error:  # engines raise their own types without a common base
        reason = (str(error) or repr(error)).splitlines()[0]
        raise EngineError(
            f"{bundle.folder}: {engine.name} cannot run its {engine.precision} model on an input "
            f"of {manifest.input_shape} ({reason}): export the bundle again"
        ) from error
    if logits.shape != (len(manifest.labels),):
        raise EngineError(
            f"{bundle.folder}: the {engine.precision} model gives {logits.shape} logits for "
            f"{len(manifest.labels)} labels: export the bundle again"
        )
