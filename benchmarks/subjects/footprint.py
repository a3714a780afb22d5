"""A stack and a bundle in; what importing it takes, and the first decision with it, as JSON, out.

    python footprint.py brainflow BUNDLE

Each stack imports what a program loads that reads an OpenBCI Cyton (or LibEMG's shared memory),
filters and decides; then it decides once, on a window of noise. Runs on this machine, and in an
emulated process, where marks divide what is counted (edgeemg.profiler.marks).
"""

import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

_WHICH, EMPTY, START, STAGE = 0x454D47, 1, 2, 10  # as edgeemg.profiler.marks has them
_LENGTH = 1000  # samples of noise: a few windows


def mark(label: int) -> None:
    with suppress(OSError):
        os.getpriority(_WHICH, label)


def edgeemg(engine: str, library: str) -> Callable[[Path], object]:
    import numpy as np

    import firmware_bridge.devices
    import firmware_bridge.sensor  # noqa: F401  # what `edgeemg run` loads
    from edgeemg.dsp.inputs import FrontEnd
    from edgeemg.dsp.samples import Samples
    from edgeemg.runtime.bundle import open_bundle
    from edgeemg.runtime.engines import open_engine

    import_module(library)

    def decide(folder: Path) -> object:
        bundle = open_bundle(folder)
        loaded = open_engine(bundle, engine, "float32")
        shape = (_LENGTH, len(bundle.manifest.channels))
        noise = np.random.default_rng(0).normal(0, 10, shape)
        samples = Samples.contiguous(noise, bundle.manifest.sample_rate_hz)
        first = next(iter(FrontEnd(bundle.manifest).feed(samples)))
        return loaded.logits(first.values)

    return decide


def brainflow() -> Callable[[Path], object]:
    import numpy as np
    import onnxruntime as ort
    from brainflow.board_shim import BoardShim  # noqa: F401  # what brainflow_loop.py loads
    from scipy.signal import sosfilt, sosfilt_zi

    def decide(folder: Path) -> object:
        manifest = _manifest(folder)
        noise = np.random.default_rng(0).normal(0, 10, (len(manifest["channels"]), _LENGTH))
        sections = np.array(manifest["bands"][0]["sections"])
        state = sosfilt_zi(sections)[:, None, :] * noise[None, :, :1]
        filtered, _ = sosfilt(sections, noise, axis=1, zi=state)
        window = filtered[None, :, -manifest["window_samples"] :].astype(np.float32)
        session = _session(ort, folder)
        return session.run(None, {session.get_inputs()[0].name: window})

    return decide


def libemg() -> Callable[[Path], object]:
    from libemg_loop import Network  # type: ignore[import-not-found]  # noqa: I001  # beside this file
    import numpy as np

    def decide(folder: Path) -> object:
        manifest = _manifest(folder)
        shape = (1, len(manifest["channels"]), manifest["window_samples"])
        return Network(folder, manifest).predict_proba(
            np.random.default_rng(0).normal(0, 10, shape)
        )

    return decide


def torch() -> Callable[[Path], object]:
    import torch as library

    from edgeemg.train.models import make_model

    def decide(folder: Path) -> object:
        manifest = _manifest(folder)
        shape = (len(manifest["channels"]), manifest["window_samples"])
        library.set_num_threads(1)
        network = make_model(
            "cnn", channels=shape[0], window_samples=shape[1], classes=len(manifest["labels"])
        ).eval()
        with library.inference_mode():
            return network(library.randn(1, *shape))

    return decide


def bare() -> Callable[[Path], object]:
    return lambda _: None


STACKS: dict[str, Callable[[], Callable[[Path], object]]] = {
    "python": bare,
    "onnxruntime": lambda: edgeemg("onnx", "onnxruntime"),
    "ai-edge-litert": lambda: edgeemg("tflite", "ai_edge_litert.interpreter"),
    "tflite-runtime": lambda: edgeemg("tflite", "tflite_runtime.interpreter"),
    "brainflow": brainflow,
    "libemg": libemg,
    "torch": torch,
}


def _manifest(folder: Path) -> Any:
    return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))


def _session(ort: Any, folder: Path) -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(
        str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
    )


def _peak_mb() -> float:
    """Of this program: getrusage would hold what the process that started it had as its peak."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0  # an emulated process is not told; its counter knows


def main(stack: str, bundle: Path) -> None:
    mark(EMPTY)
    mark(EMPTY)
    began_s, peak_bare_mb = time.process_time(), _peak_mb()
    mark(START)
    decide = STACKS[stack]()
    mark(STAGE)
    imported_s, peak_import_mb = time.process_time(), _peak_mb()
    answer = decide(bundle)
    mark(STAGE + 1)
    done_s, peak_first_mb = time.process_time(), _peak_mb()
    assert answer is not None or stack == "python"
    cost = {
        "import_ms": 1000 * (imported_s - began_s),
        "first_ms": 1000 * (done_s - imported_s),
        "peak_bare_mb": peak_bare_mb,
        "peak_import_mb": peak_import_mb,
        "peak_first_mb": peak_first_mb,
    }
    print(json.dumps(cost))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
