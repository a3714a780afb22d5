"""Nothing in; the engines that are compared, what each takes and where it runs, out.

What an engine lacks is a row too: `absent` says why.
"""

from dataclasses import dataclass, field

from edgeemg.profiler.aarch64_wheels import Wheels, wheels_with

PRECISIONS = ("float32", "float16", "int8")


@dataclass(frozen=True, slots=True)
class Engine:
    """One engine.

    script   in benchmarks/subjects
    peer     its environment here (benchmarks/peers.py)
    wheels   what it is on aarch64, in the order in which Python looks
    files    by precision, in the folder that engines_files makes
    absent   by precision, why there is no such row
    recipes  by precision, of files that are not our export's
    """

    script: str
    peer: str
    wheels: tuple[Wheels, ...]
    files: dict[str, str]
    absent: dict[str, str] = field(default_factory=dict)
    recipes: dict[str, str] = field(default_factory=dict)


_NUMPY = wheels_with("onnxruntime")  # which brings numpy 2
EXECUTORCH = Wheels(
    "executorch",
    ("executorch",),
    (
        "executorch==1.5.1 --hash=sha256:"
        "8ee02348a3ea80ddf770822911ebf78da616b73afce0fbaaa79f23311c88c66a",
    ),
    18,
)
_NCNN = Wheels(
    "ncnn",
    ("ncnn",),
    (
        "ncnn==1.0.20261020 --hash=sha256:"
        "0503da4f3960ee2e555feef55db13adffd6c62eb59a4bd22f8083b12d1757ad8",
    ),
    5,
)
# The last wheel for aarch64 that is for processors alone and runs on a Pi 3 and 4: that of 2.10
# takes instructions which they lack (pytorch/pytorch#176993), later ones hold 0.4 GB for CUDA.
_TORCH = Wheels(
    "torch",
    ("torch",),
    (
        "torch==2.9.1 --hash=sha256:"
        "62b3fd888277946918cba4478cf849303da5359f0fb4e3bfb86b0533ba2eaf8d",
        "typing-extensions==4.16.0 --hash=sha256:"
        "481caa481374e813c1b176ada14e97f1f67a4539ce9cfeb3f350d78d6370c2e8",
        "sympy==1.14.0 --hash=sha256:"
        "e091cc3e99d2141a0ba2847328f5479b05d94a6635cb96148ccb3f34671bd8f5",
        "mpmath==1.3.0 --hash=sha256:"
        "a0b2b9fe80bbcd81a6647ff13108738cfb482d481d826cc0e02f5b35e5c88d2c",
        "networkx==3.6.1 --hash=sha256:"
        "d47fbf302e7d9cbbb9e2555a0d267983d2aa476bac30e90dfbe5669bd57f3762",
        "jinja2==3.1.6 --hash=sha256:"
        "85ece4451f492d0c13c5dd7c13a64681a86afae63a5f347908daf103ce6d2f67",
        "markupsafe==3.0.4 --hash=sha256:"
        "849dd2bb0e5e4ab2b71c7191726a4a8d5aa8a610daa584728cbee0b710ddc4ef",
        "filelock==4.2.11 --hash=sha256:"
        "020e229e4bb9d410fc799c07ddf45fa217cba970278f40b30751d94f309b69e2",
        "fsspec==2026.9.0 --hash=sha256:"
        "8dd6e646e99ea382bd85f97a45e6b526a442d79423a7dc673f1e2756d05fcb5f",
    ),
    114,
)
_ONNX = {"float32": "model.onnx", "int8": "model.int8.onnx"}
_TFLITE = {"float32": "model.tflite", "int8": "model.int8.tflite"}

REFERENCE = ("onnxruntime", "float32")  # what ratios are of
ENGINES = {
    "onnxruntime": Engine("engine_onnxruntime.py", "onnxruntime", (_NUMPY,), _ONNX),
    "LiteRT": Engine(
        "engine_tflite.py", "ai-edge-litert", (wheels_with("ai-edge-litert"),), _TFLITE
    ),
    "tflite-runtime": Engine(
        "engine_tflite.py", "tflite-runtime", (wheels_with("tflite-runtime"),), _TFLITE
    ),
    "ExecuTorch": Engine(
        "engine_executorch.py",
        "executorch",
        (_NUMPY,),
        {"float32": "float32.pte", "int8": "int8.pte"},
        recipes={"int8": "static_wi8_ai8"},
    ),
    "ncnn": Engine(
        "engine_ncnn.py",
        "ncnn",
        (_NCNN, _NUMPY),
        {"float32": "ncnn-float32", "float16": "ncnn-float16"},
        {
            "int8": "no wheel holds its quantisers (ncnn2table, ncnn2int8), and its converter "
            "makes Convolution1D of our convolutions, a layer without int8"
        },
    ),
    "PyTorch eager": Engine(
        "engine_torch.py",
        "torch",
        (_TORCH, _NUMPY),
        {"float32": "weights.npz"},
        {
            "int8": "eager int8 wants the network written anew from quantised modules; what "
            "replaced them (PT2E) is for compilers, as in ExecuTorch's row"
        },
    ),
}
