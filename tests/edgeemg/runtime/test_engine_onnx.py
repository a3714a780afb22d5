import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from edgeemg.runtime.engine_onnx import OnnxEngine


def test_a_session_starts_no_threads_and_computes_with_one(tiny_bundle: Path) -> None:
    def threads() -> int:
        return len(list(Path("/proc/self/task").iterdir()))

    OnnxEngine(tiny_bundle / "model.onnx", "float32")  # the library's own threads, if any
    before = threads()
    engine = OnnxEngine(tiny_bundle / "model.onnx", "float32")
    engine.logits(np.zeros((1, 4, 100), np.float32))
    assert threads() == before


def test_logits_are_one_vector_of_floats(tiny_bundle: Path) -> None:
    engine = OnnxEngine(tiny_bundle / "model.int8.onnx", "int8")
    logits = engine.logits(np.zeros((1, 4, 100), np.float32))
    assert (logits.shape, logits.dtype) == ((3,), np.float32)


def test_the_library_sends_nothing_home_and_leaves_nothing_in_it(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    code = f"""
from pathlib import Path
from edgeemg.runtime.engine_onnx import OnnxEngine
OnnxEngine(Path({str(tiny_bundle / "model.onnx")!r}), "float32")
"""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    home = {"HOME": str(tmp_path), **kept}
    subprocess.run([sys.executable, "-c", code], env=home, check=True, timeout=60)
    assert list(tmp_path.rglob("*")) == []
