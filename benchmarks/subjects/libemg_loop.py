"""A bundle and its recording (time, channel) microvolts as .npy in; LibEMG's decisions on stdout.

    python libemg_loop.py BUNDLE SAMPLES

The recording comes from a streamer process that writes LibEMG's shared memory at real speed, as
LibEMG's own streamers do: a child, whose cost can be left out. The network is LibEMG's custom model
without features: windows go in as they are, unfiltered.
"""

import json
import multiprocessing
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from libemg.data_handler import OnlineDataHandler  # type: ignore[import-not-found]  # of a peer
from libemg.emg_predictor import (  # type: ignore[import-not-found]  # of a peer
    EMGClassifier,
    OnlineEMGClassifier,
)
from libemg.shared_memory_manager import (  # type: ignore[import-not-found]  # of a peer
    SharedMemoryManager,
)

_HELD = 1000  # samples in LibEMG's shared memory, as its own streamers have


class Network:
    """The bundle's ONNX file as LibEMG wants a model: (n, channel, time) -> (n, class)."""

    def __init__(self, bundle: Path, manifest: dict[str, Any]) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = ort.InferenceSession(
            str(bundle / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self._name = self._session.get_inputs()[0].name
        self._wanted = [self._session.get_outputs()[0].name]
        self._scale = np.array(manifest["scale"], dtype=np.float32)[:, None]
        self._clip = manifest["clip"]

    def predict_proba(self, windows: Any) -> Any:
        scaled = np.clip(windows / self._scale, -self._clip, self._clip).astype(np.float32)
        (logits,) = self._session.run(self._wanted, {self._name: scaled})
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)


def stream(items: list[Any], samples: str, rate_hz: float) -> None:
    """Write a recording into shared memory for ever, a sample when it is due."""
    recording = np.load(samples)
    memory = SharedMemoryManager()
    for item in items:
        memory.create_variable(*item)
    began_s, sent = time.monotonic(), 0
    while True:
        due = int((time.monotonic() - began_s) * rate_hz)
        new = recording[np.arange(sent, due) % len(recording)]
        if len(new):
            memory.modify_variable("emg", partial(_put_before, new))
            memory.modify_variable("emg_count", partial(np.add, len(new)))
        sent = due
        time.sleep(1 / rate_hz)


def _put_before(new: Any, held: Any) -> Any:
    """Newest first, as LibEMG keeps it."""
    return np.vstack((new[::-1], held))[:_HELD]


def main(bundle: Path, samples: str) -> None:
    manifest = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))
    channels = len(manifest["channels"])
    items: list[Any] = [
        ["emg", (_HELD, channels), np.double, multiprocessing.Lock()],
        ["emg_count", (1, 1), np.int32, multiprocessing.Lock()],
    ]
    streamer = multiprocessing.Process(
        target=stream, args=(items, samples, manifest["sample_rate_hz"]), daemon=True
    )
    streamer.start()
    classifier = EMGClassifier(Network(bundle, manifest))
    online = OnlineEMGClassifier(
        classifier,
        manifest["window_samples"],
        manifest["hop_samples"],
        OnlineDataHandler(items),
        features=None,
        std_out=True,
    )
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # it is a TextIOWrapper
    online.run(block=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
