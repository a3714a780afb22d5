"""A run in; the same weights in every engine's own format, with windows to ask them, out.

    windows.npy      held-out windows (n, channel, time), float32
    truth.npy        PyTorch's logits there (n, class)
    model.onnx, model.int8.onnx, model.tflite, model.int8.tflite   as `edgeemg export` makes them
    weights.npz      for PyTorch, as trained, with weights.json that says which network
    float32.pte, int8.pte    by ExecuTorch's exporter and its XNNPACK quantiser
    ncnn-float32, ncnn-float16   by pnnx; one file, which ncnn runs in either arithmetic

All but PyTorch's are of the network with its norms folded; ExecuTorch gets it over pictures, as
TFLite does, since XNNPACK then takes more of it.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from benchmarks.peers import peer_python
from edgeemg.digests import sha256_of
from edgeemg.errors import EngineError
from edgeemg.profiler.cache import cache_folder, filled_once, locked
from edgeemg.train.runs import Run, read_run
from edgeemg_export.bundle import write_bundle
from edgeemg_export.folding import folded
from edgeemg_export.pictures import pictures

FAMILIES = ("cnn", "transformer")
SUBJECTS = Path(__file__).parent / "subjects"
_WINDOWS = 128  # of the held-out ones
_PATIENCE_S = 1800
_SYNTH = ("--sessions", "2", "--repetitions", "28", "--seed", "11")
_TRAIN = ("--session", "1", "--epochs", "25", "--patience", "8", "--seed", "0")
_REVISION = "1"  # raised when this module writes something else

Tell = Callable[[str], None]


def default_runs(tell: Tell) -> list[Path]:
    """A cnn and a transformer, trained on generated EMG of eight channels; made once."""
    cache = _cache()
    with locked(cache):
        folder = filled_once(cache / "runs", partial(_trained, tell=tell))
    return [folder / family for family in FAMILIES]


def engine_files(run_folder: Path, tell: Tell) -> Path:
    """The folder with all of the above; made once for a run. Minutes.

    Raises ModelError for a folder that is no run, EngineError where a peer's converter fails,
    MissingToolError where it cannot be installed.
    """
    run = read_run(run_folder)
    cache = _cache()
    name = f"{run.manifest.model.family}-{sha256_of(run_folder / 'model.pt')[:12]}-{_REVISION}"
    with locked(cache):
        return filled_once(cache / name, partial(_written, run=run, tell=tell))


def _cache() -> Path:
    return cache_folder().with_name("engines")


def _trained(folder: Path, *, tell: Tell) -> None:
    tell("generating EMG, training a cnn and a transformer on one session of it")
    recordings = folder / "recordings"
    edgeemg = (sys.executable, "-m", "edgeemg")
    _call([*edgeemg, "data", "synth", "--out", recordings, *_SYNTH])
    for family in FAMILIES:
        out = folder / family
        _call([*edgeemg, "train", recordings, "--out", out, "--model", family, *_TRAIN])
    shutil.rmtree(recordings)


def _written(folder: Path, *, run: Run, tell: Tell) -> None:
    windows = np.ascontiguousarray(run.held_out.inputs[:_WINDOWS], dtype=np.float32)
    example = torch.from_numpy(windows[:1])
    np.save(folder / "windows.npy", windows)
    with torch.no_grad():
        np.save(folder / "truth.npy", run.model(torch.from_numpy(windows)).numpy())
    _write_bundle(folder, run, tell)
    _write_weights(folder, run)
    network = folded(run.model, example)
    tell(f"{run.manifest.model.family}: ExecuTorch's exporter")
    _write_executorch(folder, pictures(network, example), run)
    tell(f"{run.manifest.model.family}: pnnx")
    _write_ncnn(folder, network, example)


def _write_bundle(folder: Path, run: Run, tell: Tell) -> None:
    bundle = folder / "bundle"
    bundle.mkdir()
    report = write_bundle(
        run,
        bundle,
        formats=("onnx", "tflite"),
        quantize=True,
        allow_fail=True,
        log=folder / "export.log",
        on_step=lambda text: tell(f"{run.manifest.model.family}: {text}"),
    )
    assert report, "a bundle has its parity"
    for path in bundle.glob("model*"):
        shutil.move(path, folder / path.name)
    shutil.move(bundle / "manifest.json", folder / "manifest.json")
    shutil.rmtree(bundle)


def _write_weights(folder: Path, run: Run) -> None:
    arrays = {name: one.numpy() for name, one in run.model.state_dict().items()}
    np.savez(folder / "weights.npz", **arrays)
    manifest = run.manifest
    made_by = {
        "name": manifest.model.family,
        "channels": manifest.input_shape[1],
        "window_samples": manifest.window_samples,
        "classes": len(manifest.labels),
    }
    (folder / "weights.json").write_text(json.dumps(made_by), encoding="ascii")


def _write_executorch(folder: Path, network: nn.Module, run: Run) -> None:
    """Both .pte files, by a script in ExecuTorch's environment."""
    calibration = np.ascontiguousarray(run.calibration, dtype=np.float32)
    np.save(folder / "calibration.npy", calibration)
    exported = torch.export.export(network, (torch.from_numpy(calibration[:1]),))
    torch.export.save(exported, folder / "network.pt2")
    _call([peer_python("executorch"), SUBJECTS / "export_executorch.py", folder])
    for name in ("network.pt2", "calibration.npy"):
        (folder / name).unlink()
    shape = json.dumps([calibration.shape[1], calibration.shape[2], len(run.manifest.labels)])
    for precision in ("float32", "int8"):
        (folder / f"{precision}.json").write_text(shape, encoding="ascii")


def _write_ncnn(folder: Path, network: nn.Module, example: Tensor) -> None:
    """By pnnx, from TorchScript without the few functions that it does not know."""
    work = folder / "pnnx"
    work.mkdir()
    with PlainShapes():
        traced = torch.jit.trace(network, example, check_trace=False)  # type: ignore[no-untyped-call]
    traced.save(str(work / "net.pt"))
    shape = ",".join(map(str, example.shape))
    program = peer_python("ncnn").parent.parent / "lib"
    (pnnx,) = program.glob("python3*/site-packages/pnnx/pnnx")
    _call([pnnx, work / "net.pt", f"inputshape=[{shape}]", "fp16=0", "device=cpu"])
    for arithmetic in ("float32", "float16"):
        target = folder / f"ncnn-{arithmetic}"
        target.mkdir()
        for kind in ("param", "bin"):
            shutil.copy(work / f"net.ncnn.{kind}", target / f"net.{kind}")
    shutil.rmtree(work)


class PlainShapes(TorchFunctionMode):
    """`movedim` as a permutation and `narrow` as a slice, which pnnx has layers for."""

    def __torch_function__(
        self,
        func: Any,
        types: Any,  # torch's signature
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if func is torch.Tensor.movedim:
            x, source, target = args
            order = [axis for axis in range(x.dim()) if axis != source % x.dim()]
            order.insert(target % x.dim(), source % x.dim())
            return x.permute(order)
        if func is torch.Tensor.narrow:
            x, axis, start, length = args
            at = [slice(None)] * x.dim()
            at[axis] = slice(int(start), int(start) + int(length))
            return x[tuple(at)]
        return func(*args, **(kwargs or {}))


def _call(command: Sequence[str | Path]) -> None:
    try:
        done = subprocess.run(  # noqa: S603  # ours, and a peer's converter
            [str(one) for one in command],
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise EngineError(f"{command[1]}: not done within {_PATIENCE_S} s") from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["it gave no reason"]
        raise EngineError(f"{Path(command[1]).name} failed ({said[-1]})")
