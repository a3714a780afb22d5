"""A recording, or what was asked for, in; decisions out: what `run` and others share."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from edgeemg.cli.live import Live
from edgeemg.cli.loading import Model
from edgeemg.cli.sinks import close_sinks
from edgeemg.cli.stopping import Stop
from edgeemg.cli.telling import announce, tell_counters, warn
from edgeemg.dsp.samples import Recording, Samples
from edgeemg.errors import RecordingError
from edgeemg.manifest import Manifest
from edgeemg.runtime.health import Health
from edgeemg.runtime.loop import run
from edgeemg.runtime.sinks import Sink

_PIECE = 250  # samples of a recording that are handed on at once


def decide_live(live: Live) -> None:
    """Decide on a sensor; sinks are closed whatever happens, counters told once it began."""
    with ExitStack() as ends:
        ends.callback(close_sinks, live.sinks)
        current, sensor = live.begin()
        _tell_last(ends, lambda: tell_counters(live.health, live.sinks, sensor))
        if sensor is not None:
            live.decide(current, sensor)


def decide_recorded(
    model: Model, recording: Path, *, sinks: Sequence[Sink], every_hop: bool, stop: Stop
) -> None:
    """Decide over a recording, as fast as it goes, until it ends."""
    health = Health()
    with ExitStack() as ends:
        ends.callback(close_sinks, sinks)
        loaded = model.load()
        pieces = _pieces(recording, loaded.manifest)
        announce(loaded, f"the recording {recording}")
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


def _tell_last(ends: ExitStack, tell: Callable[[], None]) -> None:
    """Once all else has ended: what a sink could not send when it was closed is counted too."""
    others = ends.pop_all()
    ends.callback(tell)
    ends.push(others)


def _pieces(path: Path, manifest: Manifest) -> Iterator[Samples]:
    """A recording on disk, the model's channels of it, piece by piece."""
    from edgeemg.data.bids import read_recording

    if not path.exists():
        raise RecordingError(f"{path}: no such file; give a *_emg.bdf of a recording")
    return recorded_pieces(read_recording(path), manifest)


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
