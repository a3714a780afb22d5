"""A run in, a bundle out: model files, golden inputs, parity, and the manifest that seals them."""

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeemg.digests import sha256_of
from edgeemg.manifest import ModelFile, write_manifest
from edgeemg.runtime.bundle import GOLDEN_NAME, PARITY_NAME, embedding_key, golden_key
from edgeemg.runtime.engines import ENGINES, FileEngine
from edgeemg.runtime.heads import embedding
from edgeemg.train.dataset import spread
from edgeemg.train.fit import predict
from edgeemg.train.runs import Run
from edgeemg_export.calibration import off_scale
from edgeemg_export.chatter import into_log
from edgeemg_export.choice import add_choice, emulator_for
from edgeemg_export.embedding import embeddings, last_layer
from edgeemg_export.gates import Gates, judged, refuse
from edgeemg_export.layer_errors import LayerError, layer_errors, worst
from edgeemg_export.limits import MAX_ACCURACY_DROP, MIN_AGREEMENT
from edgeemg_export.model_files import Exported, Wanted, streaming, write_streams, write_windows
from edgeemg_export.parity import Parity, compare, engine_logits, report
from edgeemg_export.recipes import recipe_for

_GOLDEN = 16  # windows: enough for every class of a small vocabulary


def write_bundle(
    run: Run,
    target: Path,
    *,
    formats: Sequence[str],
    quantize: bool,
    stream: bool = False,
    log: Path,
    on_step: Callable[[str], None],
    max_accuracy_drop: float = MAX_ACCURACY_DROP,
    min_agreement: float = MIN_AGREEMENT,
    allow_fail: bool = False,
    boards: Sequence[str] = (),
    on_parity: Callable[[dict[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Export a run into the empty folder `target`; returns what parity.json holds.

    formats     of "onnx" and "tflite"; each float, and int8 too when `quantize` is set
    stream      the files take one hop and keep a state, instead of whole windows
    log         takes what the converters print
    on_step     is told what is about to be done
    max_accuracy_drop, min_agreement   as in gates.Gates
    allow_fail  seal the bundle all the same when a file is not good enough, and mark it
    boards      keys of profiler.boards.BOARDS; the best file for each is chosen, as in `choice`
    on_parity   is given the report before the gates refuse
    Raises GateError, and leaves nothing sealed, when a file is not as good as PyTorch, and with
    allow_fail too where its logits are not finite;
    ModelError where a converter cannot convert or a batch normalisation cannot be folded;
    MissingToolError, before any work, where boards cannot be emulated.
    """
    emulator = emulator_for(boards, tell=on_step)
    gates = Gates(max_accuracy_drop, min_agreement)
    wanted = Wanted(formats, quantize, log, on_step)
    run = streaming(run) if stream else run
    reference = predict(run.model, run.held_out.inputs)
    tried = _tried(run, target, wanted, reference)
    off = off_scale(run.calibration, run.manifest.clip)
    parities, failed = judged(tried.parities, gates, calibration=off)
    again = None if off else _safer(run, wanted, tried.files, parities)
    if again is not None:
        on_step(f"by another recipe, since {'; '.join(failed)}")
        tried = _improved(replace(tried, parities=parities), run, target, again, reference, gates)
        parities, failed = judged(tried.parities, gates)
    parity = report(parities, reference=reference, held_out=run.held_out)
    parity |= {"gates": asdict(gates), "failed_gates": list(failed)}
    if on_parity is not None:
        on_parity(parity)
    refuse(parities, failed, allow_fail=allow_fail)
    _write_golden(run, target, tried.engines)
    (target / PARITY_NAME).write_text(json.dumps(parity, indent=2) + "\n", encoding="utf-8")
    _seal(run, target, tried.files, parity)
    return add_choice(target, boards, emulator, tell=on_step) if emulator else parity


@dataclass(frozen=True, slots=True)
class _Tried:
    """Files as they were written, and what the gates say of them."""

    files: list[Exported]
    engines: dict[str, FileEngine]
    parities: list[Parity]


def _tried(run: Run, target: Path, wanted: Wanted, reference: NDArray[np.float32]) -> _Tried:
    """Write the files, and compare them with PyTorch."""
    exported, layers = _files(run, target, wanted)
    wanted.on_step(f"parity with PyTorch on {len(run.held_out.inputs):,} held-out windows")
    with into_log(wanted.log):  # engines announce themselves
        engines = {one.file: _opened(one, target) for one in exported}
        parities = [
            _parity(one, engines[one.file], run, target, reference, layers) for one in exported
        ]
    return _Tried(exported, engines, parities)


def _files(
    run: Run, target: Path, wanted: Wanted
) -> tuple[list[Exported], dict[str, tuple[LayerError, ...]]]:
    """The files that were written, and the worst layers of each int8 one."""
    if run.manifest.mode == "window":
        exported = write_windows(run, target, wanted)
        return exported, _int8_layers(run, target, exported)
    with tempfile.TemporaryDirectory(prefix="edgeemg-windows-") as windows:
        exported = write_streams(run, target, Path(windows), wanted)
        # a stream's layers are those of the windows that it was made from
        return exported, _int8_layers(run, Path(windows), exported)


def _safer(
    run: Run, wanted: Wanted, files: Sequence[Exported], parities: Sequence[Parity]
) -> Wanted | None:
    """What to write again by a safer recipe: formats whose int8 file failed and that have one."""
    family = run.manifest.model.family
    formats = [
        one.engine
        for one, parity in zip(files, parities, strict=True)
        if one.precision != "float32"
        and not parity.passed
        and recipe_for(family, one.engine, safer=True) != one.recipe
    ]
    return replace(wanted, formats=formats, safer=True) if formats else None


def _improved(
    first: _Tried,
    run: Run,
    target: Path,
    wanted: Wanted,
    reference: NDArray[np.float32],
    gates: Gates,
) -> _Tried:
    """The first files, but both of a format from a second try where its int8 file is better."""
    files = {one.file: one for one in first.files}
    parities = {one.file: one for one in first.parities}
    engines = dict(first.engines)
    with tempfile.TemporaryDirectory(prefix="again-", dir=target) as folder:
        second = _tried(run, Path(folder), wanted, reference)
        marked, _ = judged(second.parities, gates)
        pairs = list(zip(second.files, marked, strict=True))
        better = {
            one.engine
            for one, parity in pairs
            if one.precision != "float32" and _goodness(parity) > _goodness(parities[one.file])
        }
        for one, parity in pairs:
            if one.engine not in better:
                continue
            (Path(folder) / one.file).replace(target / one.file)
            files[one.file], parities[one.file] = one, parity
            engines[one.file] = second.engines[one.file]
    return _Tried(list(files.values()), engines, list(parities.values()))


def _goodness(one: Parity) -> tuple[bool, float, float]:
    """Greater is better; of two files alike the usual recipe's, which is cheaper, stays."""
    return one.passed, one.label_agreement, -one.balanced_accuracy_drop


def _parity(
    one: Exported,
    engine: FileEngine,
    run: Run,
    target: Path,
    reference: NDArray[np.float32],
    layers: Mapping[str, tuple[LayerError, ...]],
) -> Parity:
    return compare(
        engine,
        file=one.file,
        recipe=one.recipe.name,
        size=(target / one.file).stat().st_size,
        reference=reference,
        held_out=run.held_out,
        kept_float=one.recipe.kept_float,
        worst_layers=layers.get(one.file, ()),
    )


def _int8_layers(
    run: Run, folder: Path, exported: Sequence[Exported]
) -> dict[str, tuple[LayerError, ...]]:
    """The worst layers of each int8 file, beside the float file of the same format."""
    found = {}
    for one in exported:
        if one.precision == "float32":
            continue
        float_file = folder / f"model.{one.engine}"
        errors = layer_errors(float_file, folder / one.file, one.engine, run.held_out.inputs)
        found[one.file] = tuple(worst(errors))
    return found


def _opened(one: Exported, target: Path) -> FileEngine:
    return ENGINES[one.engine](target / one.file, one.precision)


def _write_golden(run: Run, target: Path, engines: Mapping[str, FileEngine]) -> None:
    """Inputs, PyTorch's answers, and each file's own: a device compares like with like.

    Answers are logits and embeddings. With the embeddings, and the last layer beside them, a device
    that fits another last layer knows what every file answers then, also those that it cannot run.
    """
    inputs = spread(run.held_out, _GOLDEN, seed=run.manifest.training.seed)
    head = last_layer(run.model)
    arrays: dict[str, Any] = {
        "inputs": inputs,
        "logits": predict(run.model, inputs),
        "embedding": embeddings(run.model, inputs),
        "weight": head.weight.detach().numpy(),
        "bias": head.bias.detach().numpy(),
    }
    for name, engine in engines.items():
        arrays[golden_key(name)] = engine_logits(engine, inputs)
        arrays[embedding_key(name)] = np.stack([embedding(engine, one[None]) for one in inputs])
    np.savez(target / GOLDEN_NAME, **arrays)


def _seal(run: Run, target: Path, exported: Sequence[Exported], parity: dict[str, Any]) -> None:
    """Each file's sha256, and the manifest over them all."""
    others = (Exported(name, "", "") for name in (GOLDEN_NAME, PARITY_NAME))
    files = {one.file: _facts(target, one) for one in (*exported, *others)}
    failed = tuple(parity["failed_gates"])
    write_manifest(replace(run.manifest, files=files, parity=parity, failed_gates=failed), target)


def _facts(target: Path, one: Exported) -> ModelFile:
    path = target / one.file
    return ModelFile(
        sha256=sha256_of(path),
        bytes=path.stat().st_size,
        engine=one.engine,
        precision=one.precision,
        recipe=one.recipe.name,
        input_dtype="float32" if one.engine else "",  # integers are made within the file
        kept_float=one.recipe.kept_float,
    )
