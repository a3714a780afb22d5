"""A recording, or what was asked for, in; decisions out: what `run` and others share."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgeemg.cli.live import Live
from edgeemg.cli.loading import Model
from edgeemg.cli.sinks import close_sinks, sink_counters
from edgeemg.cli.stopping import Stop
from edgeemg.cli.telling import announce, tell_counters, warn
from edgeemg.dsp.samples import Recording, Samples
from edgeemg.errors import GateError, RecordingError
from edgeemg.manifest import Manifest
from edgeemg.runtime.health import Health
from edgeemg.runtime.loop import run
from edgeemg.runtime.sinks import Sink

if TYPE_CHECKING:
    from firmware_bridge.sensor import Sensor

_PIECE = 250  # samples of a recording that are handed on at once
_LOST = ("failed", "dropped")  # counters of a sink: decisions that it did not deliver
_WHOEVER_IS_THERE = "sink_ws_"  # counts for each client, who may come and go as they like


@dataclass(frozen=True, slots=True)
class Played:
    """A *_emg.bdf, and how much of it is played; `seconds` None: all."""

    path: Path
    seconds: float | None = None


def decide_live(live: Live) -> None:
    """Decide on a sensor; sinks are closed whatever happens, counters told once it began."""
    with ExitStack() as ends:
        ends.callback(close_sinks, live.sinks)
        current, sensor = live.begin()
        _tell_last(ends, lambda: _tell_end(live, sensor))
        if sensor is not None:
            live.decide(current, sensor)


def _tell_end(live: Live, sensor: "Sensor | None") -> None:
    tell_counters(live.health, live.sinks, sensor)
    if live.notifier.unheard:
        warn(f"{live.notifier.unheard} messages did not reach systemd, at $NOTIFY_SOCKET")


def decide_recorded(
    model: Model, played: Played, *, sinks: Sequence[Sink], every_hop: bool, stop: Stop
) -> None:
    """Decide over a recording, as fast as it goes, until it ends.

    GateError as of `check_delivered`, after all is told, where nobody stopped it.
    """
    health = Health()
    with ExitStack() as ends:
        ends.callback(close_sinks, sinks)
        loaded = model.load()
        pieces = _pieces(played, loaded.manifest)
        announce(loaded, f"the recording {played.path}")
        _tell_last(ends, lambda: tell_counters(health, sinks))
        run(
            stop.until(pieces),
            loaded.engine,
            loaded.manifest,
            sinks,
            health=health,
            settings=loaded.settings,
            every_hop=every_hop,
            tell=warn,
        )
    if not stop.asked:
        check_delivered(sinks)


def check_delivered(sinks: Sequence[Sink]) -> None:
    """GateError where a sink lost a decision; a WebSocket sink owes none to clients that left."""
    lost = {
        name: n
        for name, n in sink_counters(sinks).items()
        if n and name.endswith(_LOST) and not name.startswith(_WHOEVER_IS_THERE)
    }
    if lost:
        named = ", ".join(f"{name} {n}" for name, n in lost.items())
        raise GateError(
            f"not every decision of the recording was delivered: {named}; see what the sinks "
            "said above, and play it again"
        )


def _tell_last(ends: ExitStack, tell: Callable[[], None]) -> None:
    """Once all else has ended: what a sink could not send when it was closed is counted too."""
    others = ends.pop_all()
    ends.callback(tell)
    ends.push(others)


def _pieces(played: Played, manifest: Manifest) -> Iterator[Samples]:
    """A recording on disk, the model's channels of it, piece by piece."""
    from edgeemg.data.bids import read_recording

    if not played.path.exists():
        raise RecordingError(f"{played.path}: no such file; give a *_emg.bdf of a recording")
    recording = read_recording(played.path)
    if played.seconds is not None:
        recording = replace(recording, samples=first_seconds(recording.samples, played.seconds))
    return recorded_pieces(recording, manifest)


def first_seconds(samples: Samples, seconds: float) -> Samples:
    """By the sensor's own index: what is missing counts as time, too."""
    if not len(samples):
        return samples
    first, last = int(samples.index[0]), int(samples.index[-1])
    # a time beyond any recording is infinite once it is multiplied, and could not be rounded
    until = first + round(min(seconds * samples.sample_rate_hz, last - first + 1))
    return samples[: int(np.searchsorted(samples.index, until))]


def recorded_pieces(recording: Recording, manifest: Manifest) -> Iterator[Samples]:
    """The model's channels of a recording, piece by piece, as a sensor would hand them on."""
    lacking = [one.name for one in manifest.channels if one.name not in recording.channels]
    if lacking:
        raise RecordingError(
            f"{recording.name} has no channel {', '.join(lacking)} that the model reads; "
            f"it has {', '.join(recording.channels)}"
        )
    columns = [recording.channels.index(one.name) for one in manifest.channels]
    samples = recording.samples.columns(columns)
    return (samples[start : start + _PIECE] for start in range(0, len(samples), _PIECE))
