"""Samples in, decisions out: the whole runtime on one screen.

The loop knows no port: a sensor, a file or a list drives it alike, and so a live run and a run
over the recording of it are the same code.
"""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeemg.dsp.inputs import FrontEnd, ModelInput
from edgeemg.dsp.samples import Samples
from edgeemg.dsp.windows import LEAST_TRUST
from edgeemg.errors import EngineError
from edgeemg.manifest import DecisionSettings, Manifest
from edgeemg.runtime.decisions import Decider
from edgeemg.runtime.engines import Engine, follower, keeps_state
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
    decider = Decider(manifest, settings)
    for said in listen(source, engine, manifest, health=health, tell=tell):
        verdict = decider.feed(said.logits, said.sample_index, trusted=said.trusted)
        latency_ms = (clock() - said.arrived_s) * 1000
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


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """What the model says of one window: logits (class,).

    sample_index  of the window's last sample, the sensor's own
    trusted       no channel is off in it
    arrived_s     as in Samples
    """

    logits: NDArray[np.float32]
    sample_index: int
    trusted: bool
    arrived_s: float


def listen(
    source: Iterable[Samples],
    engine: Engine,
    manifest: Manifest,
    *,
    health: Health,
    tell: Callable[[str], None] | None = None,
) -> Iterator[Said]:
    """What the model says of every window, oldest first; `health` and `tell` as in `run`.

    A streaming model gets each sample once: a window goes in whole at the start and after a break
    in time, and where it follows the last one, only its newest hop.
    """
    following = follower(engine)
    front_end = FrontEnd(manifest, newest_hop=keeps_state(engine))
    for model_input in _inputs(_checked(source, manifest, health), front_end, health):
        trusted = model_input.valid >= LEAST_TRUST
        if not trusted:
            _count_untrusted(health, model_input, tell)
        logits = following.logits(model_input.values)
        health.windows += 1
        yield Said(logits, model_input.index, trusted, model_input.arrived_s)


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
        health.bridged_samples = front_end.bridged
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
