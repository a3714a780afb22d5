"""An ONNX file and ready windows (.npy) in; a label on stdout ten times a second.

    python bare_loop.py MODEL WINDOWS HOP_S

Nothing but numpy and onnxruntime, with the session options of edgeemg's engine: the least that
any runtime for this network costs.
"""

import sys
import time

import numpy as np
import onnxruntime as ort


def main(model: str, windows: str, hop_s: float) -> None:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    name, wanted = session.get_inputs()[0].name, [session.get_outputs()[0].name]
    ready = np.load(windows)
    due_s, n = time.monotonic(), 0
    while True:
        due_s += hop_s
        time.sleep(max(0.0, due_s - time.monotonic()))
        window = ready[n % len(ready)][None]
        (logits,) = session.run(wanted, {name: window})
        sys.stdout.write(f"{int(logits[0].argmax())}\n")
        sys.stdout.flush()
        n += 1


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
