"""A file's row of the report in; the same with stages, operators, peak and energy out."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from edgeemg.profiler.board import Machine, State, read_state
from edgeemg.profiler.children import Failure
from edgeemg.profiler.cost_model import CORES
from edgeemg.profiler.energy import measure_energy
from edgeemg.profiler.file_profiles import FileProfile
from edgeemg.profiler.operator_times import measure_operators
from edgeemg.profiler.rounds import Subject
from edgeemg.profiler.stage_times import MOST_HOPS, measure_stages, stage_row
from edgeemg.runtime.bundle import Bundle


@dataclass(frozen=True, slots=True)
class Details:
    """What the looks at a single file need.

    subjects    by file name
    runs        timed inferences of a file: no more hops are taken
    idle_watts  None where nothing measures power
    """

    bundle: Bundle
    machine: Machine
    subjects: Mapping[str, Subject]
    runs: int
    idle_watts: float | None


def with_details(
    row: FileProfile, wanted: Details, *, on_step: Callable[[str], None] = lambda _: None
) -> FileProfile:
    """Look at a file that was measured, once more for each of its details; others stay as is."""
    if row.status != "measured":
        return row
    assert row.latency_us is not None, "what was measured has a latency"
    p50_us = row.latency_us["p50"]
    subject = wanted.subjects[row.file]
    macs = wanted.bundle.manifest.model.macs
    on_step(f"stages of {row.file}")
    hops = min(wanted.runs, MOST_HOPS)
    stages = measure_stages(wanted.bundle.folder, row.engine, row.precision, hops=hops)
    energy = None
    if wanted.idle_watts is not None:
        on_step(f"energy of {row.file}")
        energy = measure_energy(subject, p50_us, wanted.idle_watts)
    return replace(
        row,
        multiply_adds_per_second=round(macs / p50_us * 1e6),
        share_of_peak=share_of_peak(macs, p50_us, row.precision, wanted.machine, read_state()),
        stages=None if isinstance(stages, Failure) else stage_row(stages),
        operators=_operators(row, subject, on_step),
        energy=None if energy is None else asdict(energy),
    )


def share_of_peak(
    macs: int, p50_us: float, precision: str, machine: Machine, state: State
) -> float | None:
    """Multiply-adds over those that the core could do meanwhile; None where that is not known."""
    core = CORES.get((machine.core or "").lower())
    clock_mhz = state.measured_clock_mhz or state.clock_mhz
    if core is None or not clock_mhz:
        return None
    peak = core.int8_macs if precision == "int8" else core.float_macs
    return round(macs / (p50_us * clock_mhz * peak), 4)


def _operators(
    row: FileProfile, subject: Subject, on_step: Callable[[str], None]
) -> list[dict[str, Any]] | None:
    if row.engine != "onnx":
        return None
    on_step(f"operators of {row.file}")
    found = measure_operators(subject.path)
    return None if isinstance(found, Failure) else [asdict(one) for one in found]
