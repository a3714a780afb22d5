"""A bundle and a Cyton's port in; a label on stdout ten times a second.

    python brainflow_loop.py BUNDLE PORT

What one writes in an afternoon: BrainFlow reads the sensor, scipy filters, onnxruntime decides. It
counts no losses, and its windows fall where the poll falls.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import onnxruntime as ort
from brainflow.board_shim import BoardIds, BoardShim, BrainFlowInputParams
from scipy.signal import sosfilt, sosfilt_zi


def main(bundle: Path, port: str) -> None:
    manifest = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))
    sections = np.array(manifest["bands"][0]["sections"])
    scale = np.array(manifest["scale"], dtype=np.float32)[:, None]
    clip, length = manifest["clip"], manifest["window_samples"]
    hop_s = manifest["hop_samples"] / manifest["sample_rate_hz"]
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = ort.InferenceSession(
        str(bundle / "model.onnx"), options, providers=["CPUExecutionProvider"]
    )
    name, wanted = session.get_inputs()[0].name, [session.get_outputs()[0].name]
    BoardShim.disable_board_logger()
    params = BrainFlowInputParams()
    params.serial_port = port
    kind = BoardIds.CYTON_BOARD.value
    rows = BoardShim.get_exg_channels(kind)
    board = BoardShim(kind, params)
    board.prepare_session()
    board.start_stream()
    state = None
    window = np.zeros((len(rows), length), dtype=np.float32)
    due_s = time.monotonic()
    while True:
        due_s += hop_s
        time.sleep(max(0.0, due_s - time.monotonic()))
        new = board.get_board_data()[rows]
        if not new.shape[1]:
            continue
        if state is None:
            state = sosfilt_zi(sections)[:, None, :] * new[None, :, :1]
        filtered, state = sosfilt(sections, new, axis=1, zi=state)
        window = np.concatenate([window, filtered], axis=1)[:, -length:].astype(np.float32)
        scaled = np.clip(window / scale, -clip, clip)
        (logits,) = session.run(wanted, {name: scaled[None]})
        odds = np.exp(logits[0] - logits[0].max())
        best = int(odds.argmax())
        sys.stdout.write(f"{manifest['labels'][best]} {odds[best] / odds.sum():.4f}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
