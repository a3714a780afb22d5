"""What `run` and `demo` share: joining a sensor or a recording to the runtime loop."""

import math
import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Self

import click

from edgeemg.cli.picking import pick
from edgeemg.dsp.channels import sensor_inputs
from edgeemg.dsp.samples import Recording, Samples
from edgeemg.errors import EngineError, RecordingError, SinkError
from edgeemg.manifest import DecisionSettings, Manifest
from edgeemg.profiler.boards import this_board
from edgeemg.runtime.bundle import Bundle
from edgeemg.runtime.engines import open_engine
from edgeemg.runtime.health import Health
from edgeemg.runtime.loop import run as run_loop
from edgeemg.runtime.sinks import JsonLines, Sink

if TYPE_CHECKING:
    from firmware_bridge.frames import Device
    from firmware_bridge.sensor import Sensor

_NO_WINDOW_S = 10.0  # of samples without a window: something is wrong
_PIECE = 250  # samples of a recording that are handed on at once


class Stop:
    """Ends a stream when SIGINT or SIGTERM comes, or when the time is over."""

    def __init__(self, seconds: float | None = None) -> None:
        self._seconds = seconds
        self._asked = False
        self._before: dict[int, signal._HANDLER] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @property
    def asked(self) -> bool:
        """Whether a signal came."""
        return self._asked

    def _ask(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002  # signal's signature
        self._asked = True

    def until(self, source: Iterable[Samples]) -> Iterator[Samples]:
        """The source until it ends or is to stop.

        Time counts from its first sample; where none comes, from here.
        """
        most_s = math.inf if self._seconds is None else self._seconds
        ends_s, begun = time.monotonic() + most_s, False
        for samples in source:
            if not begun and len(samples):
                ends_s, begun = time.monotonic() + most_s, True
            yield samples
            if self._asked or time.monotonic() >= ends_s:
                return


def decide(
    bundle: Bundle,
    *,
    port: str | None,
    recording: Path | None,
    device: "Device",
    reconnect: bool = True,
    engine_name: str | None,
    precision: str | None,
    channels: str | None,
    sinks: Sequence[Sink],
    every_hop: bool,
    settings: DecisionSettings,
    stop: Stop,
) -> Health:
    """Run the loop on a port or a recording until it ends; the counters go to stderr, always.

    engine_name, precision  None: picked by what export chose for this board
    """
    manifest = bundle.manifest
    health = Health()
    with ExitStack() as stack:
        for sink in sinks:
            stack.enter_context(closing(sink))
        picked = pick(manifest, engine=engine_name, precision=precision, board=this_board())
        engine = open_engine(bundle, picked.engine, picked.precision)
        runs = f"{engine.name} {engine.precision}, {picked.why}"
        if port is not None:
            sensor = _open(port, device, reconnect=reconnect, stop=stop)
            if sensor is None:
                _tell(health, {})
                return health
            stack.enter_context(sensor)
            inputs = model_inputs(manifest, channels, n_inputs=sensor.stream.n_channels)
            stack.callback(lambda: _tell_sensor(health, sensor))
            read = (piece.columns(inputs) for piece in sensor)
            source: Iterable[Samples] = _watched(read, health, manifest.sample_rate_hz)
            _announce(bundle, runs, f"{_named(sensor)}, inputs", inputs)
        else:
            assert recording is not None, "the command line takes a port or a recording"
            source = _pieces(recording, manifest)
            stack.callback(lambda: _tell(health, {}))
            _announce(bundle, runs, f"the recording {recording}", ())
        run_loop(
            stop.until(source),
            engine,
            manifest,
            sinks,
            health=health,
            settings=settings,
            every_hop=every_hop,
            tell=_warn,
        )
    return health


def _open(port: str, device: "Device", *, reconnect: bool, stop: Stop) -> "Sensor | None":
    """None where it was to stop before the sensor streamed."""
    from firmware_bridge.greeting import StoppedError
    from firmware_bridge.sensor import open_sensor

    click.echo(f"opening {device.title} on {port} ...", err=True)
    try:
        return open_sensor(
            port, device, tell=_warn, reconnect=reconnect, stopped=lambda: stop.asked
        )
    except StoppedError:
        return None


def _named(sensor: "Sensor") -> str:
    """What it is, as far as it says so itself, and where."""
    about = f" ({sensor.about})" if sensor.about else ""
    return f"{sensor.device.title}{about} on {sensor.link}"


def _watched(source: Iterable[Samples], health: Health, rate_hz: float) -> Iterator[Samples]:
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
            _warn(
                f"samples come, and no window was full for {waited_s:.0f} s: "
                f"{(health.breaks - breaks) / waited_s:.1f} breaks and "
                f"{(health.missing_samples - missing) / waited_s:.1f} lost samples a second: "
                "look at the cable, the radio link, and the load of this computer"
            )
        yield samples


def model_inputs(manifest: Manifest, asked: str | None, *, n_inputs: int) -> tuple[int, ...]:
    """The sensor's inputs, from 0, that the model reads; `asked` is a list such as 1,2,3,4."""
    names = [channel.name for channel in manifest.channels]
    if asked is None:
        return sensor_inputs(names, n_inputs=n_inputs)
    try:
        chosen = tuple(int(one) - 1 for one in asked.split(","))
    except ValueError as error:
        raise EngineError(f"--channels must be numbers such as 1,2,3,4, got {asked!r}") from error
    if len(chosen) != len(names) or not all(0 <= one < n_inputs for one in chosen):
        raise EngineError(
            f"--channels must name {len(names)} inputs from 1 to {n_inputs} "
            f"(for {', '.join(names)}), got {asked!r}"
        )
    return chosen


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


def open_sinks(names: Sequence[str]) -> list[Sink]:
    """All of them, or none: `jsonl` is stdout, `jsonl:FILE` goes to the end of a file."""
    with ExitStack() as stack:
        sinks = [stack.enter_context(closing(_open_sink(name))) for name in names]
        stack.pop_all()
    return sinks


def _open_sink(name: str) -> Sink:
    kind, _, where = name.partition(":")
    if kind != "jsonl":
        raise SinkError(f"unknown sink {name!r}: jsonl (stdout) or jsonl:FILE")
    if not where:
        if sys.stdout is None:
            raise SinkError("stdout is closed: name a file, --sink jsonl:FILE")
        return JsonLines(sys.stdout)
    try:
        file = Path(where).open("a", encoding="utf-8")  # noqa: SIM115  # closed with the sink
        if _ends_in_half_a_line(Path(where)):
            file.write("\n")  # a full disk or a power cut left it: keep the next line whole
    except OSError as error:
        raise SinkError(f"cannot write decisions to {where} ({error.strerror})") from error
    return JsonLines(file, owned=True)


def _ends_in_half_a_line(path: Path) -> bool:
    if not path.is_file() or not path.stat().st_size:
        return False
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"


def _announce(bundle: Bundle, runs: str, source: str, inputs: Sequence[int]) -> None:
    manifest = bundle.manifest
    numbers = " " + ",".join(str(one + 1) for one in inputs) if inputs else ""
    click.echo(
        f"{manifest.name}: {', '.join(manifest.labels)}; {runs}; {source}{numbers}",
        err=True,
    )
    if manifest.failed_gates:
        failed = "; ".join(manifest.failed_gates)
        click.echo(f"warning: this bundle was exported with --allow-fail: {failed}", err=True)


def _warn(text: str) -> None:
    click.echo(f"warning: {text}", err=True)


def _tell(health: Health, wire: dict[str, int]) -> None:
    counters = {**{f"wire_{name}": n for name, n in wire.items()}, **health.summary()}
    click.echo("; ".join(f"{name} {n}" for name, n in counters.items()), err=True)


def _tell_sensor(health: Health, sensor: "Sensor") -> None:
    from firmware_bridge.sensor import State

    _tell(health, sensor.counters.as_dict())
    if sensor.state is not State.CONNECTED:
        _warn(f"the sensor was {sensor.state} at the end, for {sensor.state_s:.1f} s")
