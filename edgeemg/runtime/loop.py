"""Samples in, decisions out: the whole runtime on one screen.

The loop knows no port: a sensor, a file or a list drives it alike, and so a live run and a run
over the recording of it are the same code.
"""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

from edgeemg.dsp.inputs import FrontEnd, ModelInput
from edgeemg.dsp.samples import Samples
from edgeemg.dsp.windows import LEAST_TRUST
from edgeemg.errors import EngineError
from edgeemg.manifest import DecisionSettings, Manifest
from edgeemg.runtime.decisions import Decider
from edgeemg.runtime.engines import Engine
from edgeemg.runtime.health import Health
from edgeemg.runtime.sinks import Decision, Sink


def run(
    source: Iterable[Samples],
    engine: Engine,
    manifest: Manifest,
    sinks: Sequence[Sink],
    *,
    health: Health,
    settings: DecisionSettings | None = None,
    every_hop: bool = False,
    tell: Callable[[str], None] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Decide until the source ends.

    every_hop  send what every hop says, rest and doubt included, not only decisions
    tell       is told, once, when a channel is off and its windows decide nothing
    clock      host monotonic seconds, the clock of `Samples.arrived_s`
    """
    front_end = FrontEnd(manifest)
    decider = Decider(manifest, settings)
    for model_input in _inputs(_checked(source, manifest, health), front_end, health):
        trusted = model_input.valid >= LEAST_TRUST
        if not trusted:
            _count_untrusted(health, model_input, tell)
        logits = engine.logits(model_input.values)
        verdict = decider.feed(logits, model_input.index, trusted=trusted)
        latency_ms = (clock() - model_input.arrived_s) * 1000
        health.windows += 1
        if math.isfinite(latency_ms):
            health.recent_latency_ms.append(latency_ms)
        if verdict.accepted:
            health.decisions += 1
        if not (verdict.accepted or every_hop):
            continue
        decision = Decision(
            label=verdict.label,
            confidence=round(verdict.confidence, 4),
            sample_index=verdict.sample_index,
            t_s=round(verdict.sample_index / manifest.sample_rate_hz, 4),
            latency_ms=round(latency_ms, 3) if math.isfinite(latency_ms) else None,
            engine=f"{engine.name} {engine.precision}",
        )
        for sink in sinks:
            sink.send(decision)


def _count_untrusted(
    health: Health, model_input: ModelInput, tell: Callable[[str], None] | None
) -> None:
    health.untrusted_windows += 1
    if tell is not None and health.untrusted_windows == 1:
        tell(
            f"at sample {model_input.index}: a channel is railed, off or missing in more than "
            f"{1 - LEAST_TRUST:.0%} of a window; such windows decide nothing: check the electrodes"
        )


def _inputs(source: Iterable[Samples], front_end: FrontEnd, health: Health) -> Iterator[ModelInput]:
    for samples in source:
        yield from front_end.feed(samples)
        health.unusable_samples = front_end.unusable


def _checked(source: Iterable[Samples], manifest: Manifest, health: Health) -> Iterator[Samples]:
    """The same samples, counted; a source that does not fit the model is refused."""
    last: int | None = None
    for samples in source:
        if samples.n_channels != len(manifest.channels):
            raise EngineError(
                f"the model reads {len(manifest.channels)} channels, "
                f"the source gives {samples.n_channels}: use the sensor it was trained with"
            )
        if not math.isclose(samples.sample_rate_hz, manifest.sample_rate_hz, rel_tol=1e-3):
            raise EngineError(
                f"the model reads {manifest.sample_rate_hz:g} samples a second, the source gives "
                f"{samples.sample_rate_hz:g}: use the sensor's rate that it was trained with"
            )
        health.samples += len(samples)
        for piece in samples.runs():
            if last is not None and piece.index[0] != last + 1:
                health.breaks += 1
                health.missing_samples += max(0, int(piece.index[0]) - last - 1)
            last = int(piece.index[-1])
        yield samples
