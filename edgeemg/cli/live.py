"""A sensor in, decisions out, until a signal comes: the loop on a port."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass, field
from threading import Event
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from edgeemg.cli.loading import Loaded, Model
from edgeemg.cli.opening import Line, fitting_inputs, open_line
from edgeemg.cli.sinks import sink_counters, tell_model
from edgeemg.cli.stopping import Stop
from edgeemg.cli.telling import announce, counted, named, warn
from edgeemg.dsp.samples import Samples
from edgeemg.errors import EdgeEmgError
from edgeemg.manifest import Manifest
from edgeemg.runtime.feeding import Feed
from edgeemg.runtime.health import Health
from edgeemg.runtime.loop import run
from edgeemg.runtime.notify import Notifier, Watchdog
from edgeemg.runtime.sinks import Sink
from edgeemg.runtime.unused_memory import UnusedMemory, begin_long_run, give_back_memory
from edgeemg.runtime.watching import Watcher

if TYPE_CHECKING:
    from firmware_bridge.frames import Stream
    from firmware_bridge.sensor import Sensor

_NO_WINDOW_S = 10.0  # of samples without a window: something is wrong
_DEAF_S = 5.0  # a reader that has not come back from a read for so long is hung
_NOTHING = Samples.contiguous(np.empty((0, 1)), 1.0)

# What a page shows beside the signal: counters and the sensor's state, read when it wants them.
Facts = Callable[[], dict[str, Any]]


class Page(Watcher, Protocol):
    """Somebody who looks on, and shows it."""

    def show_model(self, manifest: Manifest, facts: Facts, stream: "Stream") -> None:
        """Another model runs: from now on it is about this one."""
        ...


# What runs, the facts, and what the sensor sends -> a page, served while the context lasts.
Monitor = Callable[[Manifest, Facts, "Stream"], AbstractContextManager[Page]]


@dataclass(slots=True, eq=False)
class Current:
    """What runs now. Held here alone: its memory is free as soon as another runs."""

    loaded: Loaded


@dataclass(frozen=True, slots=True, eq=False)
class Live:
    """A run on a sensor: what stays the same when the bundle is loaded again."""

    model: Model
    line: Line
    sinks: Sequence[Sink]
    health: Health
    stop: Stop
    every_hop: bool = False
    monitor: Monitor | None = None
    notifier: Notifier = field(default_factory=Notifier.from_environment)

    def begin(self) -> "tuple[Current, Sensor | None]":
        """The model, loaded while the sensor is greeted; no sensor where a signal came first.

        Raises what is wrong with the bundle, or else with the port.
        """
        self.notifier.status("loads the bundle and greets the sensor")
        given_up = Event()
        with ThreadPoolExecutor(1, "edgeemg-opening") as pool:
            opening = pool.submit(self._open, given_up)  # a greeting is mostly waiting
            try:
                loaded = self.model.load()
            except BaseException:
                given_up.set()
                with suppress(EdgeEmgError):
                    _close(opening.result())
                raise
            return Current(loaded), opening.result()

    def decide(self, current: Current, sensor: "Sensor") -> None:
        """Decide until a signal comes, or the sensor went and is not waited for; then close it."""
        stream = sensor.stream
        rate_hz = stream.sample_rate_hz
        feed = Feed(sensor.read, n_channels=stream.n_channels, sample_rate_hz=rate_hz)
        with ExitStack() as stack:
            stack.callback(self.notifier.stopping)
            stack.enter_context(sensor)
            fitting_inputs(current.loaded.manifest, self.line, sensor)
            stack.callback(lambda: self._count(feed))
            begin_long_run()
            stack.enter_context(feed)
            self.notifier.ready(f"decides on {named(sensor)}")
            self._decide_on(current, sensor, feed)

    def _decide_on(self, current: Current, sensor: "Sensor", feed: Feed) -> None:
        def status() -> str:
            health = self.health
            return (
                f"{sensor.state}; {health.decisions} decisions, "
                f"{health.missing_samples} samples lost in {health.breaks} breaks"
            )

        watchdog = Watchdog(self.notifier, lambda: feed.silent_s < _DEAF_S, status=status)
        source = self._counted(feed)
        recent: list[Samples] = []
        watchers: list[Watcher] = [watchdog, UnusedMemory()]
        with ExitStack() as stack:
            if self.monitor is not None:
                shown = self._shown(current.loaded, sensor)
                page = stack.enter_context(self.monitor(*shown))
                watchers.append(page)
            while True:
                self._decide_with(current.loaded, sensor, feed, source, recent, watchers)
                if not self.stop.take_reload():
                    return
                if self._reload(current, sensor) and self.monitor is not None:
                    page.show_model(*self._shown(current.loaded, sensor))
                give_back_memory()
                recent = feed.recent()

    def _open(self, given_up: Event) -> "Sensor | None":
        watchdog = Watchdog(self.notifier, lambda: True)

        def stopped() -> bool:
            watchdog.see(_NOTHING)
            return self.stop.asked or given_up.is_set()

        def waiting(why: str) -> None:
            warn(f"waiting for the sensor: {why}")
            self.notifier.ready(f"waits for the sensor: {why}")

        return open_line(self.line, stopped=stopped, waiting=waiting)

    def _decide_with(
        self,
        loaded: Loaded,
        sensor: "Sensor",
        feed: Feed,
        source: Iterator[Samples],
        recent: Sequence[Samples],
        watchers: Sequence[Watcher],
    ) -> None:
        """Decide with this bundle, until another is asked for."""
        manifest = loaded.manifest
        inputs = fitting_inputs(manifest, self.line, sensor)
        announce(loaded, named(sensor), inputs)
        feed.pace(window_samples=manifest.window_samples, hop_samples=manifest.hop_samples)
        pieces = (piece.columns(inputs) for piece in self.stop.until(source))
        run(
            told_of_no_window(pieces, self.health, manifest.sample_rate_hz),
            loaded.engine,
            manifest,
            self.sinks,
            health=self.health,
            settings=loaded.settings,
            every_hop=self.every_hop,
            tell=warn,
            watchers=watchers,
            recent=[piece.columns(inputs) for piece in recent],
        )

    def _shown(self, loaded: Loaded, sensor: "Sensor") -> "tuple[Manifest, Facts, Stream]":
        """What a page shows beside the signal; it does not hold the engine."""
        engine = f"{loaded.engine.name} {loaded.engine.precision}"

        def facts() -> dict[str, Any]:
            counters = {**counted(self.health, sensor), **sink_counters(self.sinks)}
            return {
                "sensor": named(sensor),
                "state": str(sensor.state),
                "state_s": sensor.state_s,
                "engine": engine,
                "counters": counters,
            }

        return loaded.manifest, facts, sensor.stream

    def _counted(self, feed: Feed) -> Iterator[Samples]:
        for samples in feed:
            self._count(feed)
            yield samples

    def _count(self, feed: Feed) -> None:
        self.health.dropped_samples, self.health.waiting_samples = feed.dropped, feed.waiting

    def _reload(self, current: Current, sensor: "Sensor") -> bool:
        """Whether another runs: the bundle as it is on disk now; not where that cannot run."""
        before = current.loaded.bundle
        self.notifier.reloading()
        self.notifier.kick()  # on a slow board it takes a while until the loop kicks again
        try:
            loaded = self.model.load()
            fitting_inputs(loaded.manifest, self.line, sensor)
            current.loaded = loaded
            tell_model(self.sinks, loaded.manifest)
        except (EdgeEmgError, OSError) as error:
            warn(f"the bundle is not loaded again, the one before runs on: {error}")
        self.notifier.kick()
        self.notifier.ready(f"decides on {named(sensor)}")
        return current.loaded.bundle is not before


def _close(sensor: "Sensor | None") -> None:
    if sensor is not None:
        sensor.close()


def told_of_no_window(
    source: Iterable[Samples], health: Health, rate_hz: float
) -> Iterator[Samples]:
    """The same samples; told, once, where they come and fill no window."""
    windows, told = -1, False
    for samples in source:
        if health.windows != windows:
            windows, since_s = health.windows, time.monotonic()
            received, missing, breaks = health.samples, health.missing_samples, health.breaks
        waited_s = time.monotonic() - since_s
        enough = health.samples - received >= rate_hz * _NO_WINDOW_S / 2
        if enough and waited_s >= _NO_WINDOW_S and not told:
            told = True
            warn(
                f"samples come, and no window was full for {waited_s:.0f} s: "
                f"{(health.breaks - breaks) / waited_s:.1f} breaks and "
                f"{(health.missing_samples - missing) / waited_s:.1f} lost samples a second: "
                "look at the cable, the radio link, and the load of this computer"
            )
        yield samples
