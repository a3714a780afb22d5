"""A bundle and the boards that it is meant for in; the file to run on each, with what it beat, out.

Every file runs on each board's core, emulated (edgeemg.profiler.emulator), through edgeemg's own
runtime: what is counted is what a decision costs on the board, Python included.
"""

import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from edgeemg.digests import sha256_of
from edgeemg.errors import EngineError
from edgeemg.manifest import Choice, ModelFile, write_manifest
from edgeemg.profiler.boards import BOARDS
from edgeemg.profiler.emulator import Emulated, Emulator, prepare
from edgeemg.profiler.golden import allowed_difference, judge
from edgeemg.runtime.bundle import PARITY_NAME, Bundle, open_bundle

NEARLY = 0.05  # share of the fewest instructions: closer than this, memory may decide
# The least difference of peak memory that is one: the same file again varies by a tenth of it.
A_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Candidate:
    """One file on one core, emulated.

    library, python   what ran it, with versions; empty where it does not run there
    instructions   of one inference (of a stream: one hop); None, as the next, where it does not
                   run there
    peak_memory_bytes   of the whole process
    balanced_accuracy_drop, label_agreement   of the file against PyTorch, as export measured them
    ruled_out      why it cannot be chosen; empty where it can
    """

    file: str
    engine: str
    precision: str
    library: str
    python: str
    instructions: int | None
    peak_memory_bytes: int | None
    balanced_accuracy_drop: float | None
    label_agreement: float | None
    ruled_out: str = ""


def choose(candidates: Sequence[Candidate]) -> Choice | None:
    """The best of the candidates on one core; None where all are ruled out.

    Of those that are not ruled out, the one with the fewest instructions, unless one within NEARLY
    of them has a peak that is lower by A_MEGABYTE: then that with the lowest. Equals go to the one
    that comes first.
    """
    able = [
        Choice(one.file, one.engine, one.precision, one.instructions, one.peak_memory_bytes)
        for one in candidates
        if one.instructions is not None and one.peak_memory_bytes is not None and not one.ruled_out
    ]
    if not able:
        return None
    cheapest = min(able, key=lambda one: one.instructions)
    leaner = [
        one
        for one in able
        if one.instructions <= cheapest.instructions * (1 + NEARLY)
        and one.peak_memory_bytes <= cheapest.peak_memory_bytes - A_MEGABYTE
    ]
    return min(leaner, key=lambda one: one.peak_memory_bytes, default=cheapest)


def emulator_for(boards: Sequence[str], *, tell: Callable[[str], None]) -> Emulator | None:
    """What `add_choice` needs, fetched where it is not there; None without boards.

    To be called before any other work: it raises EngineError for an unknown board, and
    MissingToolError that says what to install.
    """
    for name in boards:
        if name not in BOARDS:
            raise EngineError(f"unknown board {name!r}: choose of {', '.join(BOARDS)}")
    return prepare(tell) if boards else None


def add_choice(
    folder: Path, boards: Sequence[str], emulator: Emulator, *, tell: Callable[[str], None]
) -> dict[str, Any]:
    """Measure every file of a sealed bundle, and seal it again with what was chosen.

    boards  keys of BOARDS; boards with the same core are measured once
    tell    is given a line for each measurement
    Returns what parity.json then holds: `boards`, by name, each with its core, the file that was
    chosen (null where every file is ruled out) and its candidates.
    Raises EngineError, and leaves the bundle as it was, where no file at all runs on a core.
    """
    bundle = open_bundle(folder)
    by_cpu: dict[str, list[Candidate]] = {BOARDS[name].cpu: [] for name in boards}
    jobs = [(cpu, file) for cpu in by_cpu for file in bundle.models]
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # other load does not change a count
        measured = pool.map(lambda job: _measured(bundle, job[0], job[1], emulator), jobs)
        for done, ((cpu, _), candidate) in enumerate(zip(jobs, measured, strict=True), start=1):
            by_cpu[cpu].append(candidate)
            tell(f"{done} of {len(jobs)}, {cpu} emulated: {_in_words(candidate)}")
    for cpu, candidates in by_cpu.items():
        _check_some_ran(cpu, candidates)
    chosen = {name: choose(by_cpu[BOARDS[name].cpu]) for name in boards}
    told = {name: _board(name, chosen[name], by_cpu[BOARDS[name].cpu]) for name in boards}
    return _seal_again(bundle, told, {name: one for name, one in chosen.items() if one})


def _measured(bundle: Bundle, cpu: str, file: str, emulator: Emulator) -> Candidate:
    facts = bundle.models[file]
    row = next(one for one in bundle.manifest.parity["files"] if one["file"] == file)
    known: dict[str, Any] = {
        "file": file,
        "engine": facts.engine,
        "precision": facts.precision,
        "balanced_accuracy_drop": row.get("balanced_accuracy_drop"),
        "label_agreement": row.get("label_agreement"),
    }
    try:
        found = emulator.measure(
            bundle.folder, cpu=cpu, engine=facts.engine, precision=facts.precision
        )
    except EngineError as error:
        known |= {"library": "", "python": "", "instructions": None, "peak_memory_bytes": None}
        return Candidate(**known, ruled_out=f"does not run there: {error}")
    ruled_out = "failed its gates" if not row.get("passed", True) else _wrong(bundle, file, found)
    return Candidate(
        **known,
        library=found.library,
        python=found.python,
        instructions=found.instructions,
        peak_memory_bytes=found.peak_memory_bytes,
        ruled_out=ruled_out,
    )


def _check_some_ran(cpu: str, candidates: Sequence[Candidate]) -> None:
    """Where nothing runs it is the emulation that fails, and not a file that is worse."""
    if any(one.instructions is not None for one in candidates):
        return
    first = candidates[0]
    raise EngineError(
        f"none of the {len(candidates)} files runs on an emulated {cpu}, so none can be "
        f"chosen; the first, {first.file}, {first.ruled_out}"
    )


def _wrong(bundle: Bundle, file: str, found: Emulated) -> str:
    """Why its answers there are not those that it gave at export; empty where they are."""
    _, expected = bundle.golden_of(file)
    allowed = allowed_difference(found.precision, expected)
    answers = judge([tuple(map(tuple, found.logits))], expected, allowed=allowed)
    return "" if answers.correct else f"answers wrongly there: {answers.wrong_by()}"


def _in_words(one: Candidate) -> str:
    if one.instructions is None or one.peak_memory_bytes is None:
        return f"{one.file} {one.ruled_out}"
    said = (
        f"{one.file} {one.instructions:,} instructions, peak {one.peak_memory_bytes / 1e6:.1f} MB"
    )
    return f"{said}; {one.ruled_out}" if one.ruled_out else said


def _board(name: str, chosen: Choice | None, candidates: Sequence[Candidate]) -> dict[str, Any]:
    return {
        "title": BOARDS[name].title,
        "cpu": BOARDS[name].cpu,
        "chosen": chosen.file if chosen else None,
        "candidates": [asdict(one) for one in candidates],
    }


def _seal_again(
    bundle: Bundle, boards: dict[str, Any], choice: dict[str, Choice]
) -> dict[str, Any]:
    parity = {**bundle.manifest.parity, "boards": boards}
    path = bundle.folder / PARITY_NAME
    path.write_text(json.dumps(parity, indent=2) + "\n", encoding="utf-8")
    facts = ModelFile(sha256=sha256_of(path), bytes=path.stat().st_size)
    files = {**bundle.manifest.files, PARITY_NAME: facts}
    manifest = replace(bundle.manifest, files=files, parity=parity, choice=choice)
    write_manifest(manifest, bundle.folder)
    return parity
