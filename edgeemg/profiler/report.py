"""A bundle in; what it costs on this machine out."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from edgeemg.errors import MissingExtraError
from edgeemg.manifest import ModelFile
from edgeemg.profiler.board import (
    Machine,
    State,
    read_machine,
    read_state,
    why_invalid,
)
from edgeemg.profiler.bundle_facts import bundle_facts, chosen_files
from edgeemg.profiler.details import Details, with_details
from edgeemg.profiler.energy import idle_watts
from edgeemg.profiler.file_profiles import FileProfile, file_profile
from edgeemg.profiler.golden import in_words
from edgeemg.profiler.latency import WARM_UP
from edgeemg.profiler.memory import bare_mb
from edgeemg.profiler.rounds import Subject, measure_in_turns
from edgeemg.runtime.bundle import GOLDEN_NAME, Bundle
from edgeemg.runtime.engines import installed_engines
from edgeemg.runtime.libraries import how_to_install

SCHEMA_VERSION = 2
ROUNDS = 3
_ARM = ("aarch64", "armv7l", "armv6l")
_BUSY = 0.9  # share of the wall time on the CPU, below which others had it


@dataclass(frozen=True, slots=True)
class Profile:
    """What a bundle costs on the machine that measured it, and how that machine was doing.

    invalid_because  the board was throttled meanwhile: the times say nothing of it
    baseline_mb      a fresh Python that only starts, and one that imports numpy
    idle_watts       None where nothing on this machine measures power
    """

    bundle: dict[str, Any]
    machine: Machine
    before: State
    after: State
    baseline_mb: dict[str, float | None]
    rounds: int
    files: list[FileProfile]
    idle_watts: float | None
    invalid_because: str | None
    notes: list[str]

    def plain(self) -> dict[str, Any]:
        """What `edgeemg profile --json` prints."""
        return {
            "schema_version": SCHEMA_VERSION,
            "kind": "measured",
            "valid": self.invalid_because is None,
            "invalid_because": self.invalid_because,
            "bundle": self.bundle,
            "machine": {"name": self.machine.name, **asdict(self.machine)},
            "board": {"before": asdict(self.before), "after": asdict(self.after)},
            "settings": {"rounds": self.rounds, "warm_up": WARM_UP, "threads": 1},
            "baseline_mb": self.baseline_mb,
            "idle_watts": self.idle_watts,
            "files": [asdict(one) for one in self.files],
            "notes": self.notes,
        }


def profile(
    bundle: Bundle,
    *,
    runs: int,
    rounds: int = ROUNDS,
    engine: str | None = None,
    precision: str | None = None,
    on_step: Callable[[str], None] = lambda _: None,
) -> Profile:
    """Measure the files of a bundle, or those of one engine or precision, on this machine.

    runs  timed inferences of each file, over all rounds
    Raises ManifestError where no file fits, MissingExtraError where no engine for one is here.
    A file that cannot be measured is a row that says why.
    """
    chosen = chosen_files(bundle, engine, precision)
    subjects = _subjects(bundle, chosen)
    baseline = {"python": bare_mb("pass"), "numpy": bare_mb("import numpy")}
    machine, before, idle = read_machine(), read_state(), idle_watts()
    outcomes = measure_in_turns(list(subjects.values()), runs=runs, rounds=rounds, on_step=on_step)
    by_name = dict(zip(subjects, outcomes, strict=True))
    rows = [file_profile(bundle, name, by_name.get(name)) for name in chosen]
    details = Details(bundle, machine, subjects, runs=runs, idle_watts=idle)
    files = [with_details(one, details, on_step=on_step) for one in rows]
    after = read_state()
    return Profile(
        bundle=bundle_facts(bundle.manifest),
        machine=machine,
        before=before,
        after=after,
        baseline_mb=baseline,
        rounds=rounds,
        files=files,
        idle_watts=idle,
        invalid_because=why_invalid(before, after),
        notes=_notes(machine, before, files),
    )


def _subjects(bundle: Bundle, chosen: dict[str, ModelFile]) -> dict[str, Subject]:
    """Those whose engine is installed, by name."""
    for name in chosen:
        bundle.golden_of(name)  # so that a bundle without golden answers is refused before any work
    golden, head = bundle.folder / GOLDEN_NAME, bundle.head_path
    here = installed_engines()
    subjects = {
        name: Subject(bundle.folder / name, one.engine, one.precision, golden, head)
        for name, one in chosen.items()
        if one.engine in here
    }
    if not subjects:
        remedies = dict.fromkeys(how_to_install(one.engine) for one in chosen.values())
        raise MissingExtraError(
            f"profiling {', '.join(chosen)} needs an engine, and none for it is installed: "
            + " or ".join(remedies)
        )
    return subjects


def _notes(machine: Machine, before: State, files: Sequence[FileProfile]) -> list[str]:
    """What one has to know to read the figures."""
    notes = []
    shares = [one.cpu_share for one in files if one.cpu_share is not None]
    if shares and min(shares) < _BUSY:
        notes.append(
            f"other programs took up to {1 - min(shares):.0%} of the time meanwhile: "
            "the slow tail is partly theirs"
        )
    if before.throttled is None and machine.machine in _ARM:
        notes.append("whether the board was throttled is unknown: vcgencmd is not here")
    return notes


def failures(report: Profile) -> list[str]:
    """What is wrong with the files here, a sentence each; a missing engine is not wrong."""
    wrong = [f"{one.file} failed: {one.reason}" for one in report.files if one.status == "failed"]
    wrong += [
        f"{one.file} answers the golden inputs wrongly (off by {in_words(one.largest_difference)}, "
        f"where {in_words(one.allowed_difference)} is allowed, and {one.turned_labels} of "
        f"{one.golden_inputs} labels turned)"
        for one in report.files
        if one.correct is False
    ]
    return wrong
