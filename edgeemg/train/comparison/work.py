"""One cell in, what came of it out: the same wherever it runs."""

import json
import traceback
from dataclasses import dataclass
from pathlib import Path

from edgeemg.dsp.samples import Recording
from edgeemg.errors import EdgeEmgError
from edgeemg.train.comparison.cells import CellResult
from edgeemg.train.comparison.identity import recipe_sha256
from edgeemg.train.settings import EvaluationSettings


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """What every cell of a comparison works on: a worker is given it once.

    data           what the metrics call the recordings
    recipe_sha256  of the code and libraries that whoever asks has
    """

    recordings: tuple[Recording, ...]
    data: str
    recipe_sha256: str


@dataclass(frozen=True, slots=True)
class Cell:
    """One setting and the name that its result is kept under."""

    key: str
    settings: EvaluationSettings


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a cell: its result, or the reason why there is none."""

    cell: Cell
    result: CellResult | None
    reason: str = ""
    worker_died: bool = False


def run_cell(cell: Cell, job: Job) -> Outcome:
    """Evaluate one cell. Whatever is wrong with it becomes its reason: other cells go on."""
    if recipe_sha256() != job.recipe_sha256:
        reason = (
            "its worker runs other code than whoever asked (edgeemg, Python or a library; or files "
            "changed meanwhile): install the same there, and run again"
        )
        return Outcome(cell, None, reason)
    try:
        return Outcome(cell, _evaluate(cell.settings, job))
    except EdgeEmgError as error:
        return Outcome(cell, None, " ".join(str(error).split()))
    except MemoryError:
        return Outcome(cell, None, "out of memory: run fewer cells at once (--jobs)")
    except Exception as error:  # noqa: BLE001  # a bug in one model must not cost the other cells
        return Outcome(cell, None, _described(error))


def _evaluate(settings: EvaluationSettings, job: Job) -> CellResult:
    from edgeemg.train.evaluation import evaluate

    evaluated = evaluate(job.recordings, settings, data=job.data)
    # through text, so that a fresh result equals one that was read back
    metrics = json.loads(json.dumps(evaluated.metrics, allow_nan=False))
    return CellResult(metrics, tuple(map(float, evaluated.train_seconds)))


def _described(error: Exception) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    said = " ".join(str(error).split())
    return f"{type(error).__name__}: {said} ({Path(last.filename).name}:{last.lineno})"
