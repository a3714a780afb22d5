"""A bundle and an engine's name in; one object that turns model inputs into logits out.

An engine keeps nothing between calls. The state of a streaming model is held by whoever calls
`step`; the loop does it through `follower`.
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edgeemg.errors import EngineError
from edgeemg.runtime.bundle import Bundle, open_bundle
from edgeemg.runtime.heads import HeadedEngine
from edgeemg.runtime.libraries import is_installed
from edgeemg.runtime.streams import Embedding, Follower, Steps

PRECISIONS = ("float32", "int8")


class Engine(Protocol):
    """One loaded model file.

    name       the engine and its version, as in `onnxruntime 1.22.0`
    precision  float32 or int8
    """

    name: str
    precision: str

    def logits(self, model_input: NDArray[np.float32]) -> NDArray[np.float32]:
        """(1, channel, window) float32 -> (class,) float32, whatever was asked before.

        A streaming model is fed hop by hop from a state of zeros.
        """
        ...


class FileEngine(Engine, Steps, Embedding, Protocol):
    """What `open_engine` gives: also call by call, with the state in the caller's hands."""


def _onnx(path: Path, precision: str) -> FileEngine:
    from edgeemg.runtime.engine_onnx import OnnxEngine

    return OnnxEngine(path, precision)


def _tflite(path: Path, precision: str) -> FileEngine:
    from edgeemg.runtime.engine_tflite import TfliteEngine

    return TfliteEngine(path, precision)


ENGINES: dict[str, Callable[[Path, str], FileEngine]] = {"onnx": _onnx, "tflite": _tflite}


def open_engine(bundle: Bundle | Path, engine: str, precision: str = "float32") -> FileEngine:
    """Load one model file of a bundle; of a calibrated one, with its last layer instead.

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
    opened = ENGINES[engine](bundle.model_path(engine, precision), precision)
    _check_state(opened, bundle)
    head = bundle.head()
    if head is not None:
        opened = HeadedEngine(opened, head)
    _check_shape(opened, bundle)
    return opened


def follower(engine: Engine) -> Engine:
    """The engine for a stream of windows: of a streaming model, one that keeps the state.

    Its `logits` takes a window, from which it starts anew, or the newest hop alone.
    """
    if not keeps_state(engine):
        return engine
    assert isinstance(engine, Steps), "only what makes steps has a state"
    return Follower(engine, name=engine.name, precision=engine.precision)


def keeps_state(engine: Engine) -> bool:
    """Whether it runs a streaming model."""
    return isinstance(engine, Steps) and bool(engine.state_sizes)


def installed_engines() -> list[str]:
    """The engines whose library can be found, in the order of ENGINES, without loading any."""
    return [name for name in ENGINES if is_installed(name)]


def _check_state(engine: FileEngine, bundle: Bundle) -> None:
    """The file takes the state that the manifest lists, and one hop: none and a window, or both."""
    manifest = bundle.manifest
    listed = [math.prod(one.shape) for one in manifest.state]
    has = list(engine.state_sizes)
    if manifest.mode == "window" and not has and not listed:
        return
    if has != listed or not has or engine.hop_samples != manifest.hop_samples:
        raise EngineError(
            f"{bundle.folder}: the manifest says mode {manifest.mode!r}, hops of "
            f"{manifest.hop_samples} samples and states of {listed} numbers, the "
            f"{engine.precision} model takes {engine.hop_samples} samples and {has}: "
            "export the bundle again"
        )


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
