"""A run in, a bundle out: model files, golden inputs, parity, and the manifest that seals them."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from edgeemg.manifest import ModelFile, sha256_of, write_manifest
from edgeemg.runtime.bundle import GOLDEN_NAME, PARITY_NAME
from edgeemg.runtime.engines import ENGINES
from edgeemg.train.dataset import Part, spread
from edgeemg.train.fit import predict
from edgeemg.train.runs import Run
from edgeemg_export.chatter import into_log
from edgeemg_export.folding import folded
from edgeemg_export.onnx_file import add_manifest, quantize_onnx, write_onnx
from edgeemg_export.parity import FLOAT_TOLERANCE, Parity, check_gates, compare, report
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
) -> dict[str, Any]:
    """Export a run into the empty folder `target`; returns what parity.json holds.

    formats  of "onnx" and "tflite"; each float, and int8 too when `quantize` is set
    log      takes what the converters print
    on_step  is told what is about to be done
    Raises GateError, and leaves nothing sealed, when a file is not as good as PyTorch.
    """
    exported = list(_export(run, target, formats, quantize=quantize, log=log, on_step=on_step))
    on_step(f"parity with PyTorch on {len(run.held_out.inputs):,} held-out windows")
    reference = predict(run.model, run.held_out.inputs)
    with into_log(log):  # engines announce themselves
        parities = [_parity(one, target, reference, run.held_out) for one in exported]
    check_gates(parities, min_agreement=min_agreement)
    parity = report(parities, reference=reference, held_out=run.held_out)
    parity["gates"] = {"float_tolerance": FLOAT_TOLERANCE, "min_agreement": min_agreement}
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
        with into_log(log):
            WRITERS[engine](model, example, target / name)
        yield Exported(name, engine, "float32", "")
        if not quantize:
            continue
        on_step(f"{name8}: int8, calibrated on {len(run.calibration)} windows of the training part")
        with into_log(log):
            recipe = QUANTIZERS[engine](
                target / name, target / name8, run.calibration, family=run.manifest.model.family
            )
        yield Exported(name8, engine, "int8", recipe)


def _parity(one: Exported, target: Path, reference: NDArray[np.float32], held_out: Part) -> Parity:
    path = target / one.file
    return compare(
        ENGINES[one.engine](path, one.precision),
        file=one.file,
        recipe=one.recipe,
        size=path.stat().st_size,
        reference=reference,
        held_out=held_out,
    )


def _seal(run: Run, target: Path, exported: Sequence[Exported], parity: dict[str, Any]) -> None:
    """Golden inputs, parity, each file's sha256, and the manifest over them all."""
    golden = spread(run.held_out, _GOLDEN, seed=run.manifest.training.seed)
    np.savez(target / GOLDEN_NAME, inputs=golden, logits=predict(run.model, golden))
    text = json.dumps(parity, indent=2) + "\n"
    (target / PARITY_NAME).write_text(text, encoding="utf-8")
    for one in exported:
        if one.engine == "onnx":
            add_manifest(target / one.file, run.manifest)
    files = {one.file: _facts(target, one) for one in exported}
    files |= {
        name: _facts(target, Exported(name, "", "", "")) for name in (GOLDEN_NAME, PARITY_NAME)
    }
    write_manifest(replace(run.manifest, files=files, parity=parity), target)


def _facts(target: Path, one: Exported) -> ModelFile:
    path = target / one.file
    input_dtype = ""
    if one.engine:
        # what crosses the engine's own border: onnxruntime takes float and quantises inside
        input_dtype = (
            "int8" if one.engine == "tflite" and one.recipe.startswith("static") else "float32"
        )
    return ModelFile(
        sha256=sha256_of(path),
        bytes=path.stat().st_size,
        engine=one.engine,
        precision=one.precision,
        recipe=one.recipe,
        input_dtype=input_dtype,
    )
