"""An .onnx file in, what answers one window out, through onnxruntime as edgeemg sets it."""

from pathlib import Path

import onnxruntime as ort
from engine_loop import (  # type: ignore[import-not-found]  # beside this file
    Answer,
    Floats,
    run_as_told,
)


def load(path: Path) -> Answer:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.qdqisint8allowed", "1")
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    name, wanted = session.get_inputs()[0].name, [session.get_outputs()[0].name]

    def answer(window: Floats) -> Floats:
        (logits,) = session.run(wanted, {name: window})
        return logits[0]

    return answer


if __name__ == "__main__":
    run_as_told(load)
