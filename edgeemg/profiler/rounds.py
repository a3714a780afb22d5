"""Model files in; what each measured in fresh processes out, round by round.

The files take turns: whatever the machine does meanwhile falls on all of them alike.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeemg.errors import EngineError
from edgeemg.profiler.children import Failure, run_python
from edgeemg.profiler.latency import Measurement
from edgeemg.typed_json import build

_PATIENCE_S = 600  # for one file in one round


@dataclass(frozen=True, slots=True)
class Subject:
    """A model file to measure, and the golden inputs to measure it with.

    head  the last layer that calibration put in place of the file's own
    """

    path: Path
    engine: str
    precision: str
    golden: Path
    head: Path | None = None


def measure_in_turns(
    subjects: Sequence[Subject],
    *,
    runs: int,
    rounds: int,
    on_step: Callable[[str], None] = lambda _: None,
) -> list[list[Measurement] | Failure]:
    """One entry a subject: a measurement a round, or why there is none.

    runs     timed inferences of each file, over all rounds together
    on_step  is told before each process what it will measure
    """
    results: list[list[Measurement]] = [[] for _ in subjects]
    failures: dict[int, Failure] = {}
    for turn in range(rounds):
        share = runs // rounds + (turn < runs % rounds)
        for place in range(len(subjects)):
            which = (place + turn) % len(subjects)  # another one goes first in every round
            if which in failures:
                continue
            subject = subjects[which]
            on_step(f"round {turn + 1} of {rounds}: {subject.path.name}")
            outcome = measure_once(subject, runs=share)
            if isinstance(outcome, Failure):
                failures[which] = outcome
            else:
                results[which].append(outcome)
    return [failures.get(n, result) for n, result in enumerate(results)]


def measure_once(subject: Subject, *, runs: int) -> Measurement | Failure:
    """Measure one file in a fresh process, which may die of it."""
    head = () if subject.head is None else (str(subject.head),)
    answer = run_python(
        *("-m", "edgeemg.profiler.latency"),
        *(str(subject.path), subject.engine, subject.precision, str(subject.golden), str(runs)),
        *head,
        patience_s=_PATIENCE_S,
    )
    if isinstance(answer, Failure):
        return answer
    try:
        return build(Measurement, json.loads(answer), whole="a measurement", error=EngineError)
    except (ValueError, EngineError) as error:
        return Failure(f"it printed something else than a measurement ({error})")
