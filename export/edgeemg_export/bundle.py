"""A run in, a bundle out: model files, golden inputs, parity, and the manifest that seals them."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from edgeemg.errors import EdgeEmgError, ModelError
from edgeemg.manifest import ModelFile, sha256_of, write_manifest
from edgeemg.runtime.bundle import GOLDEN_NAME, PARITY_NAME, golden_key
from edgeemg.runtime.engines import ENGINES, Engine
from edgeemg.train.dataset import spread
from edgeemg.train.fit import predict
from edgeemg.train.runs import Run
from edgeemg_export.chatter import into_log
from edgeemg_export.folding import folded
from edgeemg_export.onnx_file import add_manifest, quantize_onnx, write_onnx
from edgeemg_export.parity import FLOAT_TOLERANCE, check_gates, compare, engine_logits, report
from edgeemg_export.tflite_file import quantize_tflite, write_tflite

_GOLDEN = 16  # windows: enough for every class of a small vocabulary
Writer = Callable[[nn.Module, NDArray[np.float32], Path], None]
WRITERS: dict[str, Writer] = {"onnx": write_onnx, "tflite": write_tflite}
QUANTIZERS: dict[str, Callable[..., str]] = {"onnx": quantize_onnx, "tflite": quantize_tflite}


@dataclass(frozen=True, slots=True)
class Exported:
    """One model file: its engine, precision and quantisation recipe (empty for float)."""

    file: str
    engine: str
    precision: str
    recipe: str


def write_bundle(
    run: Run,
    target: Path,
    *,
    formats: Sequence[str],
    quantize: bool,
    min_agreement: float,
    log: Path,
    on_step: Callable[[str], None],
    on_parity: Callable[[dict[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Export a run into the empty folder `target`; returns what parity.json holds.

    formats    of "onnx" and "tflite"; each float, and int8 too when `quantize` is set
    log        takes what the converters print
    on_step    is told what is about to be done
    on_parity  is given the report before the gates judge it
    Raises GateError, and leaves nothing sealed, when a file is not as good as PyTorch;
    ModelError where a converter cannot convert.
    """
    exported = list(_export(run, target, formats, quantize=quantize, log=log, on_step=on_step))
    on_step(f"parity with PyTorch on {len(run.held_out.inputs):,} held-out windows")
    reference = predict(run.model, run.held_out.inputs)
    with into_log(log):  # engines announce themselves
        engines = {one.file: _opened(one, target) for one in exported}
        parities = [
            compare(
                engines[one.file],
                file=one.file,
                recipe=one.recipe,
                size=(target / one.file).stat().st_size,
                reference=reference,
                held_out=run.held_out,
            )
            for one in exported
        ]
    parity = report(parities, reference=reference, held_out=run.held_out)
    parity["gates"] = {"float_tolerance": FLOAT_TOLERANCE, "min_agreement": min_agreement}
    if on_parity is not None:
        on_parity(parity)
    check_gates(parities, min_agreement=min_agreement)
    _write_golden(run, target, engines)
    (target / PARITY_NAME).write_text(json.dumps(parity, indent=2) + "\n", encoding="utf-8")
    _seal(run, target, exported, parity)
    return parity


def _export(
    run: Run,
    target: Path,
    formats: Sequence[str],
    *,
    quantize: bool,
    log: Path,
    on_step: Callable[[str], None],
) -> Iterator[Exported]:
    model = folded(run.model)
    example = np.zeros(run.manifest.input_shape, dtype=np.float32)
    for engine in formats:
        name, name8 = f"model.{engine}", f"model.int8.{engine}"
        on_step(f"{name}: float32")
        with _converting(name, log):
            WRITERS[engine](model, example, target / name)
            _describe(run, target / name)
        yield Exported(name, engine, "float32", "")
        if not quantize:
            continue
        on_step(f"{name8}: int8")
        with _converting(name8, log):
            recipe = QUANTIZERS[engine](
                target / name, target / name8, run.calibration, family=run.manifest.model.family
            )
            _describe(run, target / name8)
        yield Exported(name8, engine, "int8", recipe)


def _opened(one: Exported, target: Path) -> Engine:
    return ENGINES[one.engine](target / one.file, one.precision)


@contextmanager
def _converting(name: str, log: Path) -> Iterator[None]:
    """Converters raise whatever they like: it becomes one line that says where the rest is."""
    try:
        with into_log(log):
            yield
    except EdgeEmgError:
        raise
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(
            f"{name} could not be converted ({type(error).__name__}: {reason[:200]}): "
            f"what the converter said is in {log}; other sizes or --format may work"
        ) from error


def _describe(run: Run, path: Path) -> None:
    """The manifest, in the file itself where its format has a place for it."""
    if path.suffix == ".onnx":
        add_manifest(path, run.manifest)


def _write_golden(run: Run, target: Path, engines: Mapping[str, Engine]) -> None:
    """Inputs, PyTorch's logits, and what each file gave here: a device compares like with like."""
    inputs = spread(run.held_out, _GOLDEN, seed=run.manifest.training.seed)
    own = {golden_key(name): engine_logits(engine, inputs) for name, engine in engines.items()}
    arrays: dict[str, Any] = {"inputs": inputs, "logits": predict(run.model, inputs), **own}
    np.savez(target / GOLDEN_NAME, **arrays)


def _seal(run: Run, target: Path, exported: Sequence[Exported], parity: dict[str, Any]) -> None:
    """Each file's sha256, and the manifest over them all."""
    others = (Exported(name, "", "", "") for name in (GOLDEN_NAME, PARITY_NAME))
    files = {one.file: _facts(target, one) for one in (*exported, *others)}
    write_manifest(replace(run.manifest, files=files, parity=parity), target)


def _facts(target: Path, one: Exported) -> ModelFile:
    path = target / one.file
    return ModelFile(
        sha256=sha256_of(path),
        bytes=path.stat().st_size,
        engine=one.engine,
        precision=one.precision,
        recipe=one.recipe,
        input_dtype=_input_dtype(one) if one.engine else "",
    )


def _input_dtype(one: Exported) -> str:
    """What crosses the engine's own border; onnxruntime takes float and quantises inside."""
    whole = one.engine == "tflite" and one.recipe.startswith("static")
    return "int8" if whole else "float32"
