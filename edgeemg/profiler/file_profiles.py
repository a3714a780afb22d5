"""What was measured of one model file in; its row of the report out."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from edgeemg.manifest import Manifest
from edgeemg.profiler.bundle_facts import hop_s
from edgeemg.profiler.children import Failure
from edgeemg.profiler.golden import allowed_difference, judge
from edgeemg.profiler.histogram import Histogram, histogram
from edgeemg.profiler.latency import Measurement
from edgeemg.profiler.percentiles import percentiles
from edgeemg.runtime.bundle import Bundle
from edgeemg.runtime.libraries import how_to_install


@dataclass(frozen=True, slots=True)
class FileProfile:
    """One model file on this machine; figures are None where `status` is not `measured`.

    status         measured, not installed, or failed; `reason` says why
    latency_us     p50 p90 p95 p99 max over the inferences of all rounds
    histogram      of the same
    p50_spread     from the lowest to the highest round's p50, as a fraction of p50
    memory_mb      resident after each stage, the median of the rounds; `peak` is the highest
    real_time_factor   p50 over the hop: the share of a core that the network takes
    correct        the golden answers are those that this file gave at export: every logit within
                   `allowed_difference`, and no label turned that was further ahead than that
    multiply_adds_per_second   of the network, at p50
    share_of_peak  the same over what the core could do at most at its clock; None where its
                   limits or its clock are not known (cost_model.CORES)
    stages         of one hop from bytes to a decision, see stage_times.stage_row
    operators      see operator_times.OperatorTime; None where the engine does not tell
    energy         see energy.Energy; None where nothing on the machine measures power
    rounds         each fresh process by itself
    """

    file: str
    engine: str
    precision: str
    recipe: str
    bytes: int
    sha256: str
    status: str
    reason: str | None = None
    engine_version: str | None = None
    runs: int = 0
    latency_us: dict[str, float] | None = None
    histogram: Histogram | None = None
    p50_spread: float | None = None
    first_us: float | None = None
    import_ms: float | None = None
    load_ms: float | None = None
    memory_mb: dict[str, float | None] | None = None
    real_time_factor: float | None = None
    cpu_share: float | None = None
    largest_difference: float | None = None
    allowed_difference: float | None = None
    agreeing_labels: int | None = None
    turned_labels: int | None = None
    golden_inputs: int | None = None
    correct: bool | None = None
    multiply_adds_per_second: float | None = None
    share_of_peak: float | None = None
    stages: dict[str, Any] | None = None
    operators: list[dict[str, Any]] | None = None
    energy: dict[str, Any] | None = None
    rounds: list[dict[str, Any]] = field(default_factory=list)


def file_profile(
    bundle: Bundle, name: str, outcome: list[Measurement] | Failure | None
) -> FileProfile:
    """The row of file `name`; `outcome` None stands for an engine that is not installed.

    ManifestError where the bundle does not say what this file gave at export.
    """
    facts = bundle.manifest.files[name]
    known: dict[str, Any] = {
        "file": name,
        "engine": facts.engine,
        "precision": facts.precision,
        "recipe": facts.recipe,
        "bytes": facts.bytes,
        "sha256": facts.sha256,
    }
    if outcome is None:
        return FileProfile(**known, status="not installed", reason=how_to_install(facts.engine))
    if isinstance(outcome, Failure):
        return FileProfile(**known, status="failed", reason=outcome.reason)
    figures = _figures(bundle.manifest, outcome)
    return FileProfile(**known, status="measured", **figures, **_answers(bundle, name, outcome))


def _figures(manifest: Manifest, measured: Sequence[Measurement]) -> dict[str, Any]:
    """The rounds together, and each by itself."""
    last = measured[-1]
    latencies = np.concatenate([one.latencies_us for one in measured])
    latency_us = percentiles(latencies)
    p50s = [float(np.median(one.latencies_us)) for one in measured]
    return {
        "engine_version": last.engine_version,
        "runs": len(latencies),
        "latency_us": latency_us,
        "histogram": histogram(latencies),
        "p50_spread": round((max(p50s) - min(p50s)) / latency_us["p50"], 4),
        "first_us": _median([one.first_us for one in measured]),
        "import_ms": _median([one.import_ms for one in measured]),
        "load_ms": _median([one.load_ms for one in measured]),
        "memory_mb": _memory(measured),
        "real_time_factor": latency_us["p50"] / 1e6 / hop_s(manifest),
        "cpu_share": _median([one.cpu_share for one in measured]),
        "rounds": [_round(one) for one in measured],
    }


def _answers(bundle: Bundle, name: str, measured: Sequence[Measurement]) -> dict[str, Any]:
    _, expected = bundle.golden_of(name)
    allowed = allowed_difference(bundle.manifest.files[name].precision, expected)
    answers = judge([one.logits for one in measured], expected, allowed=allowed)
    return {**asdict(answers), "correct": answers.correct}


def _round(measured: Measurement) -> dict[str, Any]:
    plain = asdict(measured)
    del plain["engine_version"], plain["logits"]
    latencies = np.asarray(plain.pop("latencies_us"))
    return {"runs": len(latencies), "latency_us": percentiles(latencies), **plain}


def _memory(measured: Sequence[Measurement]) -> dict[str, float | None]:
    stages = {}
    for stage in measured[0].memory_mb:
        values = [one.memory_mb[stage] for one in measured]
        known = [one for one in values if one is not None]
        middle = max(known, default=None) if stage == "peak" else _median(known)
        stages[stage] = middle
    return stages


def _median(values: Sequence[float]) -> float | None:
    return round(float(np.median(values)), 3) if values else None
