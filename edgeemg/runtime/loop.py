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
from edgeemg.runtime.engines import Engine, follower, keeps_state
from edgeemg.runtime.health import Health
from edgeemg.runtime.sinks import Decision, Sink
from edgeemg.runtime.watching import Said, Watcher


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
    watchers: Sequence[Watcher] = (),
    recent: Iterable[Samples] = (),
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Decide until the source ends.

    every_hop  send what every hop says, rest and doubt included, not only decisions
    tell       is told, once, when a channel is off and its windows decide nothing
    watchers   see every piece of the source and hear every hop
    recent     what directly precedes the source and was decided already, by another bundle: it
               fills filters and windows, and nothing of it is sent or counted
    clock      host monotonic seconds, the clock of `Samples.arrived_s`
    """
    decider = Decider(manifest, settings)
    listener = Listener(engine, manifest)
    for said in listener.listen(recent, health=Health()):
        decider.feed(said.logits, said.sample_index, trusted=said.trusted)
    for said in listener.listen(_seen(source, watchers), health=health, tell=tell):
        verdict = decider.feed(said.logits, said.sample_index, trusted=said.trusted)
        latency_ms = (clock() - said.arrived_s) * 1000
        if math.isfinite(latency_ms):
            health.recent_latency_ms.append(latency_ms)
        if verdict.accepted:
            health.decisions += 1
        if verdict.accepted or every_hop:
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
        for watcher in watchers:
            watcher.hear(said, verdict, latency_ms)


def listen(
    source: Iterable[Samples],
    engine: Engine,
    manifest: Manifest,
    *,
    health: Health,
    tell: Callable[[str], None] | None = None,
) -> Iterator[Said]:
    """What the model says of every window, oldest first; `health` and `tell` as in `run`."""
    return Listener(engine, manifest).listen(source, health=health, tell=tell)


class Listener:
    """Samples in, what the model says of every window out, oldest first.

    A streaming model gets each sample once: a window goes in whole at the start and after a break
    in time, and where it follows the last one, only its newest hop.
    """

    def __init__(self, engine: Engine, manifest: Manifest) -> None:
        self._manifest = manifest
        self._following = follower(engine)
        self._front_end = FrontEnd(manifest, newest_hop=keeps_state(engine))
        self._last_index: int | None = None

    def listen(
        self,
        source: Iterable[Samples],
        *,
        health: Health,
        tell: Callable[[str], None] | None = None,
    ) -> Iterator[Said]:
        """Until the source ends; what came before is not forgotten. As in `run`."""
        for model_input in self._inputs(self._checked(source, health), health):
            trusted = model_input.valid >= LEAST_TRUST
            if not trusted:
                _count_untrusted(health, model_input, tell)
            logits = self._following.logits(model_input.values)
            health.windows += 1
            yield Said(logits, model_input.index, trusted, model_input.arrived_s)

    def _inputs(self, source: Iterable[Samples], health: Health) -> Iterator[ModelInput]:
        front_end = self._front_end
        bridged, unusable = front_end.bridged, front_end.unusable
        for samples in source:
            yield from front_end.feed(samples)
            health.bridged_samples += front_end.bridged - bridged
            health.unusable_samples += front_end.unusable - unusable
            bridged, unusable = front_end.bridged, front_end.unusable

    def _checked(self, source: Iterable[Samples], health: Health) -> Iterator[Samples]:
        """The same samples, counted; a source that does not fit the model is refused."""
        for samples in source:
            check_fits(self._manifest, samples.n_channels, samples.sample_rate_hz)
            health.samples += len(samples)
            for piece in samples.runs():
                first, last = int(piece.index[0]), self._last_index
                if last is not None and first != last + 1:
                    health.breaks += 1
                    health.missing_samples += max(0, first - last - 1)
                self._last_index = int(piece.index[-1])
            yield samples


def check_fits(manifest: Manifest, n_channels: int, sample_rate_hz: float) -> None:
    """EngineError where the model reads other channels, or another rate."""
    if n_channels != len(manifest.channels):
        raise EngineError(
            f"the model reads {len(manifest.channels)} channels, "
            f"the source gives {n_channels}: use the sensor it was trained with"
        )
    if not math.isclose(sample_rate_hz, manifest.sample_rate_hz, rel_tol=1e-3):
        raise EngineError(
            f"the model reads {manifest.sample_rate_hz:g} samples a second, the source gives "
            f"{sample_rate_hz:g}: use the sensor's rate that it was trained with"
        )


def _seen(source: Iterable[Samples], watchers: Sequence[Watcher]) -> Iterator[Samples]:
    for samples in source:
        for watcher in watchers:
            watcher.see(samples)
        yield samples


def _count_untrusted(
    health: Health, model_input: ModelInput, tell: Callable[[str], None] | None
) -> None:
    health.untrusted_windows += 1
    if tell is not None and health.untrusted_windows == 1:
        tell(
            f"at sample {model_input.index}: a channel is railed, off or missing in more than "
            f"{1 - LEAST_TRUST:.0%} of a window; such windows decide nothing: check the electrodes"
        )
