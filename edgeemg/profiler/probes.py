"""An engine's name in; the smallest model that makes it calculate out.

Both files hold y = relu(x W), W the identity: (1, 8) float32 -> (1, 8). A library that imports
well may still die of an illegal instruction in its first matrix product.
"""

import base64
import zlib
from pathlib import Path

import numpy as np

# zlib, base64. ONNX: Gemm and Relu, opset 13; TFLite: FULLY_CONNECTED with fused relu, schema 3
_PACKED = {
    "onnx": (
        "eNrj4LC6z8TFz8VYwcVYLsRYpcTinpqby8XDxVglxFipxBKUmlMqxFpQlJ+UqtXDxAEEAoxOjOVeDUwMDA32DATB"
        "8FUTJQwMNCE+Lh4ORiEOLiYORiDmSAIKVqILOrFwMQjwAgAZVxVo"
    ),
    "tflite": (
        "eNrdUb0KwkAM/s5WvdJSOhTp4OA76OCmk5OjL6AgKPiHCOrm8zj5hNYvd6mULu4GklyS78vdJRbAYjYfPt9lmfM8"
        "NsCUumkBAWM6DBgnEOnAIqQFLcWIeUzwU/4XEyJ0s2hTT+fjaq1jyV09RcFTxunJ3FLN96k7wVMvOsv9cntAg9uj"
        "FW6s3MJfagvt4ffRdfsQqtF9Bfo6iUtKlTeal/qGOtK7X8RY+B0L5l7D+3zmavKHpIar/FXx9otPnIfi671vjd7G"
        "/dFz4hon8k+NPizSHbE="
    ),
}


def write_probe(engine: str, folder: Path) -> tuple[Path, Path]:
    """Write the model and its golden inputs into a folder; returns both paths."""
    path = folder / f"probe.{engine}"
    path.write_bytes(zlib.decompress(base64.b64decode(_PACKED[engine])))
    golden = folder / "probe.npz"
    inputs = np.linspace(-1, 1, 32, dtype=np.float32).reshape(4, 8)
    np.savez(golden, inputs=inputs, logits=np.maximum(inputs, 0))
    return path, golden
