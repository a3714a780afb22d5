"""An open port in, a sensor that streams and its parser out; step by step, so that no caller waits.

A step is one read of at most 50 ms: the generators here yield after each.
"""

import time
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass, fields, replace

from edgeemg.errors import PortError
from firmware_bridge.frames import Ask, Device, FrameReader, Frames, Stream
from firmware_bridge.ports import Port

Steps = Generator[None, None, "Greeted"]

_LONGEST_REPLY = 4096  # bytes; more without the reply that was asked for is noise
_KNOWN_S = 4.0  # a board that resets when its port is opened streams after at most this
_QUIET_S = 0.2  # longest wait for the line to fall quiet at the end
_SAME_RATE = 0.005  # a rate that is measured, not told, comes out a little different each time


@dataclass(frozen=True, slots=True, eq=False)
class Greeted:
    """A sensor that streams.

    early  frames that came while it was greeted, each with the host's time of their read
    """

    reader: FrameReader
    stream: Stream
    early: list[tuple[list[Frames], float]]


class ChangedSensorError(PortError):
    """What came back, or began anew, is another sensor, or the same one set otherwise."""


class StoppedError(PortError):
    """It was to stop before the sensor streamed."""


class _NoAnswerError(PortError):
    """It was silent, or said something else: another baud rate may be the right one."""

    def __init__(self, wanted: str, heard: int, trouble: str = "") -> None:
        super().__init__(wanted)
        self.wanted, self.heard, self.trouble = wanted, heard, trouble


def greet(port: Port, device: Device, clock: Callable[[], float]) -> Steps:
    """Start the stream, at each of the device's baud rates until it answers.

    Raises PortError where the sensor stays silent, talks nonsense, or says what is wrong.
    """
    assert device.bauds, f"{device.name} has no baud rate"
    begun_s, wanted, heard, trouble = clock(), "", 0, ""
    for baud in device.bauds:
        if port.baud != baud:
            port.baud = baud
        try:
            return (yield from _introduce(port, device, clock))
        except _NoAnswerError as error:
            wanted = error.wanted
            heard += error.heard
            # what was readable at one rate is noise at the next
            trouble = trouble or error.trouble
    wait_s = clock() - begun_s
    raise no_answer(port.name, device, wanted, heard=heard, wait_s=wait_s, trouble=trouble)


def greet_at_once(
    port: Port, device: Device, clock: Callable[[], float], stopped: Callable[[], bool]
) -> Greeted:
    """All steps of `greet`, unless `stopped` says so between two of them: StoppedError then."""
    steps = greet(port, device, clock)
    while not stopped():
        try:
            next(steps)
        except StopIteration as done:
            greeted: Greeted = done.value
            return greeted
    farewell(port, device)
    raise StoppedError(f"{port.name}: stopped before {device.title} streamed")


def farewell(port: Port, device: Device) -> None:
    """Stop the stream, wait shortly until the line is quiet, and free the port."""
    with suppress(PortError):  # gone already: nothing is left to stop
        if device.goodbye:
            port.write(device.goodbye)
            ends_s = time.monotonic() + _QUIET_S
            while port.read() and time.monotonic() < ends_s:
                pass
    port.close()


def no_answer(
    port_name: str, device: Device, wanted: str, *, heard: int, wait_s: float, trouble: str = ""
) -> PortError:
    """The error for a sensor of which `heard` bytes came, and not what was wanted."""
    waited = f"{round(wait_s, 1):g} s"
    if not heard:
        return PortError(
            f"{port_name}: silent: wanted {wanted}, and no byte came in {waited}; check that "
            f"{device.check}, and that no other sensor than the {device.title} is on it now"
        )
    if trouble:
        return PortError(f"{port_name}: {device.title}: {trouble}")
    bauds = " or ".join(str(baud) for baud in device.bauds)
    return PortError(
        f"{port_name}: talks nonsense: wanted {wanted}, and {heard} bytes came in {waited} "
        f"without it; check that the sensor is the {device.title} ({bauds} baud), "
        "and that no other program reads the port"
    )


def check_same(port_name: str, before: Stream, now: Stream | None) -> None:
    """ChangedSensorError where another stream than before is known now.

    Rates that agree within 0.5 % are the same: what was known first stays.
    """
    if now is None or now == before:
        return
    rate_hz = before.sample_rate_hz
    if abs(now.sample_rate_hz - rate_hz) <= _SAME_RATE * rate_hz:
        now = replace(now, sample_rate_hz=rate_hz)
    if now == before:
        return
    told = [
        f"{field.name} {getattr(before, field.name)} and now {getattr(now, field.name)}"
        for field in fields(Stream)
        if getattr(before, field.name) != getattr(now, field.name)
    ]
    raise ChangedSensorError(
        f"{port_name}: another sensor than before, or set otherwise ({', '.join(told)}): "
        "start again with the sensor that is there"
    )


def _introduce(port: Port, device: Device, clock: Callable[[], float]) -> Steps:
    said, rest, answered = b"", b"", False
    for ask in device.hello:
        reply, rest = yield from _ask(port, device, ask, clock)
        said += reply
        answered = answered or (bool(ask.ends) and not ask.optional)
    try:
        reader = device.reader(said)
    except PortError as error:
        raise PortError(f"{port.name}: {error}") from error
    return (yield from _listen(port, device, reader, rest, clock, answered=answered))


def _listen(
    port: Port,
    device: Device,
    reader: FrameReader,
    chunk: bytes,
    clock: Callable[[], float],
    *,
    answered: bool,
) -> Steps:
    """Until the reader knows what is sent and, where nothing was answered, until frames come."""
    early: list[tuple[list[Frames], float]] = []
    deadline, heard = clock() + _KNOWN_S, 0
    while True:
        heard += len(chunk)
        if frames := reader.feed(chunk):
            early.append((frames, clock()))
        if reader.stream is not None and (answered or early):
            return Greeted(reader, reader.stream, early)
        if clock() >= deadline:
            raise _NoAnswerError(f"frames of {device.title}", heard, getattr(reader, "trouble", ""))
        chunk = port.read()
        yield


def _ask(
    port: Port, device: Device, ask: Ask, clock: Callable[[], float]
) -> Generator[None, None, tuple[bytes, bytes]]:
    """One step of the greeting: the reply, and what came behind it."""
    begun = clock()
    deadline, again, quiet = begun + ask.within_s, begun + ask.again_s, begun + ask.quiet_s
    port.write(ask.send)
    reply, heard = b"", 0
    while clock() < deadline:
        chunk = port.read()
        yield
        heard += len(chunk)
        reply = (reply + chunk)[-_LONGEST_REPLY:]
        if chunk:
            quiet = clock() + ask.quiet_s
        elif not ask.ends and clock() >= quiet:
            return reply, b""
        if not ask.ends:
            continue
        _check_trouble(port.name, device, ask, reply)
        if ended := _end_of_reply(ask, reply):
            return reply[:ended], reply[ended:]
        if ask.again_s and clock() >= again:
            port.write(ask.send)
            again = clock() + ask.again_s
    if not ask.ends or ask.optional:
        return reply, b""
    sent = repr(ask.send).removeprefix("b")
    raise _NoAnswerError(f"the reply of {device.title} to {sent}", heard)


def _end_of_reply(ask: Ask, said: bytes) -> int:
    """Where the reply ends in what was said; 0: it has not come."""
    after = 0
    while (begun := said.find(ask.begins, after)) >= 0:
        text = begun + len(ask.begins)
        ended = said.find(ask.ends, text)
        if ended < 0:
            return 0
        after = ended + len(ask.ends)
        if said[text:ended].strip() not in ask.ignored:
            return after
    return 0


def _check_trouble(port_name: str, device: Device, ask: Ask, reply: bytes) -> None:
    for phrase, remedy in ask.trouble:
        _, found, rest = reply.partition(phrase)
        text, ended, _ = rest.partition(ask.ends)
        if found and ended:
            said = (found + text).decode("ascii", "replace").strip()
            raise PortError(f"{port_name}: {device.title} says {said!r}: {remedy}")
