"""A port's name and a device in, Samples out: opens, greets, reads, and finds it again."""

import math
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from enum import StrEnum
from typing import Self

from edgeemg.dsp.samples import Samples
from edgeemg.errors import PortError
from firmware_bridge.clocks import drift_told
from firmware_bridge.counters import Counters, ReaderCounts
from firmware_bridge.frames import Device
from firmware_bridge.greeting import (
    ChangedSensorError,
    Greeted,
    check_same,
    farewell,
    greet_at_once,
    no_answer,
)
from firmware_bridge.ports import Port
from firmware_bridge.reopening import Patience, reopen
from firmware_bridge.resolving import latency_timer, stable_name
from firmware_bridge.samples import Assembler
from firmware_bridge.silence import Silence

_FRAMES = 10  # frame periods without a frame: stale
_FAST_PPM = 200.0  # crystals keep to 100 ppm; more is a resonator, or another rate
_DRIFT_EVERY_S = 5.0
_SLOW_LATENCY_MS = 1


class State(StrEnum):
    """Whether a sensor sends: frames come; silent for a while; port closed, being looked for."""

    CONNECTED = "connected"
    STALE = "stale"
    LOST = "lost"


class Sensor:
    """A sensor that streams. Iterating it gives Samples for ever, at least every 150 ms.

    What an iteration yields may be empty: the caller has control back while nothing comes, and
    can stop. Close it, or use it in a `with`: the sensor is told to stop.

    stream    what it sends; it does not change
    counters  received, lost, rejected ... since it was opened
    state     CONNECTED, STALE or LOST; each change is told in one line
    """

    def __init__(
        self,
        port: Port,
        device: Device,
        *,
        greeted: Greeted,
        again: str,
        tell: Callable[[str], None],
        reconnect: bool,
        patience: Patience,
        clock: Callable[[], float],
    ) -> None:
        self.device = device
        self.port_name = port.name
        self.stream = greeted.stream
        self.counters = Counters()
        self.state = State.CONNECTED
        self._since_s = clock()
        self._port = port
        self._again = again
        self._tell = tell
        self._reconnect = reconnect
        self._patience = patience
        self._clock = clock
        self._reader = greeted.reader
        self._early = greeted.early
        self._counts = ReaderCounts(self.counters, greeted.reader)
        self._assembler = Assembler(self.stream, self.counters)
        self._reopening: Generator[None, None, tuple[Port, Greeted]] | None = None
        self._look_at_drift_s = clock() + _DRIFT_EVERY_S
        stale_s = max(patience.stale_s, _FRAMES / self.stream.sample_rate_hz)
        self._silence = Silence(stale_s, max(patience.lost_s, 2 * stale_s), clock())

    @property
    def link(self) -> str:
        """The port by its lasting name, its baud rate and its latency timer, for logs."""
        timer = self._port.latency_ms
        latency = "" if timer is None else f", latency timer {timer} ms"
        return f"{self._again} at {self._port.baud} baud{latency}"

    @property
    def state_s(self) -> float:
        """How long it has been in this state, seconds."""
        return self._clock() - self._since_s

    @property
    def about(self) -> str:
        """What it says that it is, with its firmware; "" where it does not say."""
        return getattr(self._reader, "about", "")

    def drift_ppm(self) -> float | None:
        """How much faster than nominal its clock runs by the host's; None in the first 30 s."""
        return self._assembler.clock.drift_ppm()

    def read(self, gather_s: float | None = None) -> Samples:
        """What has arrived, once 50 ms are over or some has: (time, channel), possibly no rows.

        gather_s  how long to go on collecting once something has come, 0.1 s at most: who needs the
                  next samples only then saves the reads between; None: some milliseconds

        A sensor that went away is looked for, for ever, without rows meanwhile; its index goes on
        by the host's clock. Raises PortError where it is not to be looked for (`reconnect` is
        False), and where another one came back.
        """
        if self._early:
            frames, arrived_s = self._early.pop(0)
            return self._assembler.take(frames, arrived_s)
        if self._reopening is not None:
            return self._go_on_reopening(self._reopening)
        try:
            return self._read_stream(gather_s)
        except ChangedSensorError:
            raise
        except PortError as error:
            if not self._reconnect:
                raise
            self._lose(str(error))
            return self._nothing()

    def __iter__(self) -> Iterator[Samples]:
        while True:
            yield self.read()

    def close(self) -> None:
        """Stop the stream, wait shortly until the line is quiet, and free the port."""
        if self._reopening is not None:
            # it says goodbye where a port is open; a reader that was given up may hang inside it
            with suppress(ValueError):
                self._reopening.close()
        else:
            farewell(self._port, self.device)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _read_stream(self, gather_s: float | None) -> Samples:
        chunk = self._port.read(gather_s)
        arrived_s = self._clock()
        frames = self._reader.feed(chunk)
        self._counts.take(self._reader)
        check_same(self.port_name, self.stream, self._reader.stream)
        if frames:
            self._frames_came(arrived_s)
        else:
            self._no_frames_came(len(chunk), arrived_s)
        samples = self._assembler.take(frames, arrived_s)
        self._check_drift(arrived_s)
        return samples

    def _frames_came(self, now_s: float) -> None:
        if self.state is State.STALE:
            self._turn(State.CONNECTED, f"frames again after {self._silence.seconds:.1f} s")
            self._assembler.outage(reopened=False, renumbered=bool(self.device.poke))
        self._silence.end(now_s)

    def _no_frames_came(self, n_bytes: int, now_s: float) -> None:
        silence, device = self._silence, self.device
        silence.go_on(n_bytes, now_s)
        if silence.is_lost:
            raise no_answer(
                self.port_name,
                device,
                f"frames of {device.title}",
                heard=silence.n_bytes,
                wait_s=silence.lost_s,
            )
        if not silence.is_due():
            return
        if self.state is State.CONNECTED:
            self.counters.stalls += 1
            self._turn(State.STALE, f"no frame of {device.title} for {silence.seconds:.1f} s")
        if device.poke:
            self._port.write(device.poke)

    def _lose(self, why: str) -> None:
        self._turn(State.LOST, f"{why}; it is waited for")
        self._port.close()  # first of all: its number is not given again while it is held
        self._counts.end(self._reader)
        self._reopening = reopen(
            self._again,
            self.device,
            patience=self._patience,
            clock=self._clock,
            tell=self._say,
        )

    def _go_on_reopening(self, reopening: Generator[None, None, tuple[Port, Greeted]]) -> Samples:
        try:
            next(reopening)
        except StopIteration as done:
            self._port, greeted = done.value
        else:
            return self._nothing()
        self._reopening = None
        check_same(self.port_name, self.stream, greeted.stream)
        self._reader, self._early = greeted.reader, greeted.early
        self.counters.reconnects += 1
        self._counts.take(self._reader)
        self._assembler.outage()
        self._turn(State.CONNECTED, f"back after {self.state_s:.1f} s ({self.link})")
        self._silence.end(self._clock())
        return self._nothing()

    def _check_drift(self, now_s: float) -> None:
        if now_s < self._look_at_drift_s:
            return
        self._look_at_drift_s = now_s + _DRIFT_EVERY_S
        drift = self.drift_ppm()
        if drift is None or abs(drift) <= _FAST_PPM:
            return
        self._look_at_drift_s = math.inf  # once is enough
        self._say(drift_told(drift, self.stream))

    def _turn(self, state: State, why: str) -> None:
        self.state, self._since_s = state, self._clock()
        self._say(f"{state}: {why}")

    def _say(self, text: str) -> None:
        prefix = f"{self.port_name}: "
        self._tell(prefix + text.replace(prefix, ""))

    def _nothing(self) -> Samples:
        return self._assembler.take([], math.nan)


def open_sensor(
    port: str,
    device: Device,
    *,
    tell: Callable[[str], None] | None = None,
    reconnect: bool = True,
    patience: Patience = Patience(),  # noqa: B008  # it is frozen
    clock: Callable[[], float] = time.monotonic,
    stopped: Callable[[], bool] = lambda: False,
) -> Sensor:
    """Open the port, greet the device and start its stream.

    device     from `firmware_bridge.devices.find_device`
    tell       is told, in one line, what a person should know: each change of state, a slow port
    reconnect  look for it, for ever, when it goes away; False: a PortError then
    stopped    asked every 50 ms while it is greeted, which can take many seconds: StoppedError
               where it says so

    Raises PortError at once where the port cannot be opened now, stays silent, or talks nonsense.
    """
    tell = tell or (lambda _: None)
    again = stable_name(port)
    opened = Port(port, device.bauds[0])
    try:
        sensor = Sensor(
            opened,
            device,
            greeted=greet_at_once(opened, device, clock, stopped),
            again=again,
            tell=tell,
            reconnect=reconnect,
            patience=patience,
            clock=clock,
        )
        _tell_what_matters(sensor, opened, tell)
    except BaseException:
        opened.close()
        raise
    return sensor


def _tell_what_matters(sensor: Sensor, port: Port, tell: Callable[[str], None]) -> None:
    if not sensor.stream.loss_visible:
        tell(f"{port.name}: {sensor.device.title}: {sensor.device.loss}")
    if port.latency_ms is not None and port.latency_ms > _SLOW_LATENCY_MS:
        tell(
            f"{port.name}: the adapter holds bytes back for up to {port.latency_ms} ms; as root "
            f"once: echo 1 > {latency_timer(port.name)}"
        )
