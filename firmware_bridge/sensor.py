"""A port's name and a device's in, Samples out: opens, greets, reads, and says what is wrong."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Self

from edgeemg.dsp.samples import Samples
from edgeemg.errors import PortError
from firmware_bridge.devices import find_device
from firmware_bridge.frames import Ask, Device
from firmware_bridge.ports import Port
from firmware_bridge.samples import Assembler, Counters

_STALL_S = 3.0  # no frame for this long: the sensor is taken for dead
_LONGEST_REPLY = 4096  # bytes; more without the reply that was asked for is noise


class Sensor:
    """A sensor that streams. Iterating it gives Samples for ever, at least every 50 ms.

    What an iteration yields may be empty: the caller has control back while nothing comes, and
    can stop. Close it, or use it in a `with`: the sensor is told to stop.
    """

    def __init__(
        self, port: Port, device: Device, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.device = device
        self.port_name = port.name
        self._port = port
        self._clock = clock
        self._reader = device.reader()
        self._assembler = Assembler(device)
        for ask in device.hello:
            _greet(port, device, ask, clock)
        self._last_frame_s = clock()
        self._unframed = 0  # bytes since the last frame

    @property
    def counters(self) -> Counters:
        """Received, lost, rejected ... since the port was opened."""
        return self._assembler.counters

    def read(self) -> Samples:
        """What has arrived, within 50 ms: (time, 8), possibly no rows.

        Raises PortError where the port is lost, or no frame came for 3 s.
        """
        chunk = self._port.read()
        arrived_s = self._clock()
        frames = self._reader.feed(chunk)
        self.counters.rejected_bytes = self._reader.rejected_bytes
        self.counters.resyncs = self._reader.resyncs
        if frames:
            self._last_frame_s, self._unframed = arrived_s, 0
        else:
            self._unframed += len(chunk)
            self._check_stall(arrived_s)
        return self._assembler.take(frames, arrived_s)

    def __iter__(self) -> Iterator[Samples]:
        while True:
            yield self.read()

    def close(self) -> None:
        """Stop the stream and free the port."""
        with suppress(PortError):  # gone already: nothing is left to stop
            self._port.write(self.device.goodbye)
        self._port.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _check_stall(self, now_s: float) -> None:
        if now_s - self._last_frame_s < _STALL_S:
            return
        wanted = f"frames of {self.device.title}"
        raise _no_answer(self._port, self.device, wanted, self._unframed, _STALL_S)


def open_sensor(port_name: str, device: str) -> Sensor:
    """Open the port, greet the device and start its stream.

    device  a name in `firmware_bridge.devices.DEVICES`
    Raises PortError where the port cannot be opened, stays silent, or talks nonsense.
    """
    facts = find_device(device)
    port = Port(port_name, facts.baud)
    try:
        return Sensor(port, facts)
    except BaseException:
        port.close()
        raise


def _greet(port: Port, device: Device, ask: Ask, clock: Callable[[], float]) -> None:
    port.write(ask.send)
    deadline = clock() + ask.within_s
    if not ask.ends:
        while clock() < deadline and port.read():
            pass
        return
    reply, heard = b"", 0
    while clock() < deadline:
        chunk = port.read()
        heard += len(chunk)
        reply = (reply + chunk)[-_LONGEST_REPLY:]
        _check_trouble(port, device, ask, reply)
        _, found, rest = reply.partition(ask.begins)
        if found and ask.ends in rest:
            return
    wanted = f"the reply of {device.title} to {ask.send.decode()!r}"
    raise _no_answer(port, device, wanted, heard, ask.within_s)


def _check_trouble(port: Port, device: Device, ask: Ask, reply: bytes) -> None:
    for phrase, remedy in ask.trouble:
        _, found, rest = reply.partition(phrase)
        text, ended, _ = rest.partition(ask.ends)
        if found and ended:
            said = (found + text).decode("ascii", "replace").strip()
            raise PortError(f"{port.name}: {device.title} says {said!r}: {remedy}")


def _no_answer(port: Port, device: Device, wanted: str, heard: int, wait_s: float) -> PortError:
    if not heard:
        return PortError(
            f"{port.name}: silent: wanted {wanted}, and no byte came in {wait_s:g} s; "
            f"check that {device.check}"
        )
    return PortError(
        f"{port.name}: talks nonsense: wanted {wanted}, and {heard} bytes came in {wait_s:g} s "
        f"without it; check that the sensor is the {device.title} ({device.baud} baud), "
        "and that no other program reads the port"
    )
