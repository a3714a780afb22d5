"""A bundle and boards in; what its files cost there, counted on emulated cores, out.

Nothing here is measured on a board: instructions and memory are those of an emulated process, and
times are estimates, intervals under the assumptions of `cost_model`.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from edgeemg.errors import EngineError
from edgeemg.manifest import Manifest
from edgeemg.profiler.boards import BOARDS
from edgeemg.profiler.bundle_facts import bundle_facts, chosen_files, hop_s
from edgeemg.profiler.cost_model import ASSUMPTIONS, CLOCKS_MHZ, CORES, Estimate, estimate
from edgeemg.profiler.emulator import RUNS, Emulated, Emulator
from edgeemg.profiler.instruction_kinds import grouped
from edgeemg.runtime.bundle import Bundle

SCHEMA_VERSION = 2


@dataclass(frozen=True, slots=True)
class BoardProfile:
    """What `edgeemg profile --board` prints: `plain` as JSON.

    boards  by name; files of boards with the same core share their counts
    """

    bundle: dict[str, Any]
    boards: dict[str, dict[str, Any]]

    def plain(self) -> dict[str, Any]:
        """The whole report."""
        return {
            "schema_version": SCHEMA_VERSION,
            "kind": "emulated",
            "warning": "emulated: counted under qemu, not measured on a board; times are estimates",
            "bundle": self.bundle,
            "settings": {"runs": RUNS, "threads": 1},
            "assumptions": list(ASSUMPTIONS),
            "boards": self.boards,
        }


def profile_boards(
    bundle: Bundle,
    boards: Sequence[str],
    emulator: Emulator,
    *,
    engine: str | None = None,
    precision: str | None = None,
    on_step: Callable[[str], None] = lambda _: None,
) -> BoardProfile:
    """Count the files of a bundle, or those of one engine or precision, on the boards' cores.

    boards  keys of BOARDS
    ManifestError where no file fits. A file that does not run there is a row that says why.
    """
    chosen = chosen_files(bundle, engine, precision)
    cpus = list(dict.fromkeys(BOARDS[name].cpu for name in boards))
    jobs = [(cpu, file) for cpu in cpus for file in (None, *chosen)]  # None: the stages

    def counted(job: tuple[str, str | None]) -> Emulated | dict[str, dict[str, int]] | str:
        cpu, file = job
        on_step(f"{cpu} emulated: {file or 'the stages of a hop'}")
        facts = chosen[file or next(iter(chosen))]
        measure = emulator.measure if file else emulator.measure_stages
        try:
            return measure(bundle, cpu=cpu, engine=facts.engine, precision=facts.precision)
        except EngineError as error:
            return str(error)

    with ThreadPoolExecutor(os.cpu_count()) as pool:  # other load does not change a count
        found = dict(zip(jobs, pool.map(counted, jobs), strict=True))
    manifest = bundle.manifest
    return BoardProfile(
        bundle_facts(manifest),
        {name: _board(name, manifest, found, chosen) for name in boards},
    )


def _board(
    name: str, manifest: Manifest, found: dict[Any, Any], files: Iterable[str]
) -> dict[str, Any]:
    board = BOARDS[name]
    slow, fast = CLOCKS_MHZ[name]
    stages = found[board.cpu, None]
    return {
        "title": board.title,
        "cpu": board.cpu,
        "clock_mhz": [slow, fast],
        "limits_from": CORES[board.cpu].source,
        "files": [_file(name, file, manifest, found[board.cpu, file]) for file in files],
        "stages": stages if isinstance(stages, str) else _stages(name, stages, manifest),
    }


def _file(board: str, file: str, manifest: Manifest, found: Emulated | str) -> dict[str, Any]:
    facts = manifest.files[file]
    known = {"file": file, "engine": facts.engine, "precision": facts.precision}
    if isinstance(found, str):
        return {**known, "status": "failed", "reason": found}
    per_second = 1 / hop_s(manifest)
    return {
        **known,
        "status": "counted",
        "library": found.library,
        "python": found.python,
        "peak_memory_mb": round(found.peak_memory_bytes / 1e6, 3),
        **_cost(board, found.kinds, per_second),
    }


def _stages(board: str, stages: dict[str, dict[str, int]], manifest: Manifest) -> dict[str, Any]:
    per_second = 1 / hop_s(manifest)
    return {name: _cost(board, kinds, per_second) for name, kinds in stages.items()}


def _cost(board: str, kinds: dict[str, int], per_second: float) -> dict[str, Any]:
    instructions = sum(kinds.values())
    spent = estimate(kinds, board)
    return {
        "instructions": instructions,
        "instructions_per_second": round(instructions * per_second),
        "by_kind": grouped(kinds),
        "kinds": kinds,
        "estimate_us": {one: _rounded(value) for one, value in asdict(spent).items()},
        "share_of_hop": _share(spent, per_second),
    }


def _share(spent: Estimate, per_second: float) -> list[float]:
    """Of one core, low and high."""
    return [round(one / 1e6 * per_second, 6) for one in (spent.low_us, spent.high_us)]


def _rounded(value: Any) -> Any:
    return round(value, 2) if isinstance(value, float) else value
