"""A run and formats in; the model files of a bundle, float and int8, out."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from edgeemg.errors import EdgeEmgError, ModelError
from edgeemg.train.runs import Run
from edgeemg_export.chatter import into_log
from edgeemg_export.embedding import expose
from edgeemg_export.folding import folded
from edgeemg_export.onnx_file import finish, quantize_onnx, write_onnx
from edgeemg_export.recipes import STEM, Recipe, recipe_for
from edgeemg_export.stream_file import STREAM_QUANTIZERS, STREAM_WRITERS, stream_of
from edgeemg_export.tflite_file import quantize_tflite, write_tflite

Writer = Callable[..., None]  # model, example, path; TFLite also `dividing`
WRITERS: dict[str, Writer] = {"onnx": write_onnx, "tflite": write_tflite}
Quantizer = Callable[[Path, Path, NDArray[np.float32], Recipe], None]
QUANTIZERS: dict[str, Quantizer] = {"onnx": quantize_onnx, "tflite": quantize_tflite}
_FLOAT = Recipe("")


@dataclass(frozen=True, slots=True)
class Exported:
    """One model file: its engine, precision and quantisation recipe (nameless for float)."""

    file: str
    engine: str
    precision: str
    recipe: Recipe = _FLOAT


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which files to write, and who hears of it.

    formats  of "onnx" and "tflite"; each float, and int8 too when `quantize` is set
    log      takes what the converters print
    on_step  is told what is about to be done
    safer    int8 by the recipes for runs whose files by the usual ones failed
    """

    formats: Sequence[str]
    quantize: bool
    log: Path
    on_step: Callable[[str], None]
    safer: bool = False


def write_windows(run: Run, target: Path, wanted: Wanted, *, dividing: int = 0) -> list[Exported]:
    """Files that take whole windows.

    dividing  as in `phases`: of files that a stream takes its integers from
    """
    example = np.zeros(run.manifest.input_shape, dtype=np.float32)
    model = folded(run.model, torch.from_numpy(example))

    def write(engine: str, path: Path) -> None:
        # its float kernels have steps enough as it is; 1 divides into no blocks
        phases = 1 if _has_float_stem(run, engine, wanted) else dividing
        WRITERS[engine](model, example, path, dividing=phases)

    def quantize(engine: str, path: Path, recipe: Recipe) -> None:
        QUANTIZERS[engine](target / f"model.{engine}", path, run.calibration, recipe)

    return list(_written(run, target, wanted, write, quantize))


def write_streams(run: Run, target: Path, windows: Path, wanted: Wanted) -> list[Exported]:
    """Files that take one hop and the state; `run` is `streaming`.

    windows  an empty folder for the files of the whole windows, whose integers the int8 files take
    """
    manifest = run.manifest
    example = np.zeros(manifest.input_shape, dtype=np.float32)
    model = folded(run.model, torch.from_numpy(example))
    stream = stream_of(model, family=manifest.model.family, hop_samples=manifest.hop_samples)
    hop = np.zeros((*manifest.input_shape[:2], manifest.hop_samples), dtype=np.float32)
    # a window's first convolution gives as many steps as it is longer than what that looks back
    looks_back = stream.state[0].shape[-1] if stream.state else 0
    dividing = math.gcd(manifest.hop_samples, manifest.window_samples - looks_back)
    if wanted.quantize:
        told = replace(wanted, on_step=lambda text: wanted.on_step(f"whole windows, {text}"))
        write_windows(run, windows, told, dividing=dividing)

    def write(engine: str, path: Path) -> None:
        floats = _has_float_stem(run, engine, wanted)
        STREAM_WRITERS[engine](stream, hop, path, dividing=dividing, floats=floats)

    def quantize(engine: str, path: Path, recipe: Recipe) -> None:  # noqa: ARG001  # the window's
        own, window8 = target / f"model.{engine}", windows / f"model.int8.{engine}"
        STREAM_QUANTIZERS[engine](own, window8, path)

    return list(_written(run, target, wanted, write, quantize))


def _has_float_stem(run: Run, engine: str, wanted: Wanted) -> bool:
    """Whether the recipe leaves the first convolutions in float."""
    recipe = recipe_for(run.manifest.model.family, engine, safer=wanted.safer)
    return STEM in recipe.kept_float


def streaming(run: Run) -> Run:
    """The run as a stream: its manifest says mode, states, and the cost of a hop.

    ModelError where the family has no stream, or the hop does not fit.
    """
    manifest = run.manifest
    stream = stream_of(run.model, family=manifest.model.family, hop_samples=manifest.hop_samples)
    facts = replace(manifest.model, macs=stream.macs())
    return replace(run, manifest=replace(manifest, mode="stream", state=stream.state, model=facts))


def _written(
    run: Run,
    target: Path,
    wanted: Wanted,
    write: Callable[[str, Path], None],
    quantize: Callable[[str, Path, Recipe], None],
) -> Iterator[Exported]:
    for engine in wanted.formats:
        files = list(_of_format(engine, run, target, wanted, write, quantize))
        for one in files:  # behind the last step: those before read a file's outputs by place
            with _converting(one.file, wanted.log):
                expose(target / one.file, engine)
        yield from files


def _of_format(
    engine: str,
    run: Run,
    target: Path,
    wanted: Wanted,
    write: Callable[[str, Path], None],
    quantize: Callable[[str, Path, Recipe], None],
) -> Iterator[Exported]:
    name, name8 = f"model.{engine}", f"model.int8.{engine}"
    wanted.on_step(f"{name}: float32")
    with _converting(name, wanted.log):
        write(engine, target / name)
    yield _finished(Exported(name, engine, "float32"), run, target)
    if not wanted.quantize:
        return
    recipe = recipe_for(run.manifest.model.family, engine, safer=wanted.safer)
    wanted.on_step(f"{name8}: {recipe.name}")
    with _converting(name8, wanted.log):
        quantize(engine, target / name8, recipe)
    yield _finished(Exported(name8, engine, "int8", recipe), run, target)


def _finished(one: Exported, run: Run, target: Path) -> Exported:
    """With the manifest in the file itself where its format has a place for it."""
    if one.engine == "onnx":
        finish(target / one.file, run.manifest)
    return one


@contextmanager
def _converting(name: str, log: Path) -> Iterator[None]:
    """Converters raise whatever they like: it becomes one line that says where the rest is."""
    try:
        with into_log(log):
            yield
    except (EdgeEmgError, OSError):  # a full disk is no matter of the model
        raise
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(
            f"{name} could not be converted ({type(error).__name__}: {reason[:200]}): "
            f"what the converter said is in {log}; other sizes or --format may work"
        ) from error
