"""An open port in, a sensor that streams and its parser out; step by step, so that no caller waits.

A step is one read of at most 50 ms: the generators here yield after each.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass, fields

from edgeemg.errors import PortError
from firmware_bridge.frames import Ask, Device, FrameReader, Frames, Stream
from firmware_bridge.ports import Port

Steps = Generator[None, None, "Greeted"]

_LONGEST_REPLY = 4096  # bytes; more without the reply that was asked for is noise
_KNOWN_S = 4.0  # a board that resets when its port is opened streams after at most this


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


class _NoAnswerError(PortError):
    """It was silent, or said something else: another baud rate may be the right one."""

    def __init__(self, wanted: str, heard: int, wait_s: float, trouble: str = "") -> None:
        super().__init__(wanted)
        self.wanted, self.heard, self.wait_s, self.trouble = wanted, heard, wait_s, trouble


def greet(port: Port, device: Device, clock: Callable[[], float]) -> Steps:
    """Start the stream, at each of the device's baud rates until it answers.

    Raises PortError where the sensor stays silent, talks nonsense, or says what is wrong.
    """
    heard = 0
    for baud in device.bauds:
        if port.baud != baud:
            port.baud = baud
        try:
            return (yield from _introduce(port, device, clock))
        except _NoAnswerError as error:
            heard += error.heard
            if baud == device.bauds[-1]:
                raise no_answer(
                    port.name,
                    device,
                    error.wanted,
                    heard=heard,
                    wait_s=error.wait_s,
                    trouble=error.trouble,
                ) from error
    raise AssertionError(f"{device.name} has no baud rate")


def no_answer(
    port_name: str, device: Device, wanted: str, *, heard: int, wait_s: float, trouble: str = ""
) -> PortError:
    """The error for a sensor of which `heard` bytes came, and not what was wanted."""
    if not heard:
        return PortError(
            f"{port_name}: silent: wanted {wanted}, and no byte came in {wait_s:g} s; "
            f"check that {device.check}"
        )
    if trouble:
        return PortError(f"{port_name}: {device.title}: {trouble}")
    bauds = " or ".join(str(baud) for baud in device.bauds)
    return PortError(
        f"{port_name}: talks nonsense: wanted {wanted}, and {heard} bytes came in {wait_s:g} s "
        f"without it; check that the sensor is the {device.title} ({bauds} baud), "
        "and that no other program reads the port"
    )


def check_same(port_name: str, before: Stream, now: Stream | None) -> None:
    """ChangedSensorError where another stream than before is known now."""
    if now is None or now == before:
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
        answered = answered or bool(ask.ends)
    reader = device.reader(said)
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
            raise _NoAnswerError(
                f"frames of {device.title}", heard, _KNOWN_S, getattr(reader, "trouble", "")
            )
        chunk = port.read()
        yield


def _ask(
    port: Port, device: Device, ask: Ask, clock: Callable[[], float]
) -> Generator[None, None, tuple[bytes, bytes]]:
    """One step of the greeting: the reply, and what came behind it."""
    deadline, again = clock() + ask.within_s, clock() + ask.again_s
    port.write(ask.send)
    reply, heard = b"", 0
    while clock() < deadline:
        chunk = port.read()
        yield
        heard += len(chunk)
        reply = (reply + chunk)[-_LONGEST_REPLY:]
        if not ask.ends and not chunk:
            return reply, b""  # the line is quiet
        if not ask.ends:
            continue
        _check_trouble(port.name, device, ask, reply)
        begun = reply.find(ask.begins)
        ended = reply.find(ask.ends, begun + len(ask.begins)) if begun >= 0 else -1
        if ended >= 0:
            ended += len(ask.ends)
            return reply[:ended], reply[ended:]
        if ask.again_s and clock() >= again:
            port.write(ask.send)
            again = clock() + ask.again_s
    if not ask.ends:
        return reply, b""
    sent = repr(ask.send).removeprefix("b")
    raise _NoAnswerError(f"the reply of {device.title} to {sent}", heard, ask.within_s)


def _check_trouble(port_name: str, device: Device, ask: Ask, reply: bytes) -> None:
    for phrase, remedy in ask.trouble:
        _, found, rest = reply.partition(phrase)
        text, ended, _ = rest.partition(ask.ends)
        if found and ended:
            said = (found + text).decode("ascii", "replace").strip()
            raise PortError(f"{port_name}: {device.title} says {said!r}: {remedy}")
