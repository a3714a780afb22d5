"""Bytes of one wire format in, whole frames out: what every sensor's module is made of."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edgeemg.errors import PortError


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """Samples that followed each other on the wire without a byte of noise between them.

    counter    (n,) int64, the number of each sample as sent: it wraps at `Stream.turn`
    counts     (n, channel) int32, as the converter gave them
    missing    (n, channel) bool, True where no value came; None: all came
    off        (n, channel) bool, True where the sensor says that the electrode is off; None: none
    restarted  the sensor began anew before the first of these: its counter begins again
    """

    counter: NDArray[np.int64]
    counts: NDArray[np.int32]
    missing: NDArray[np.bool_] | None = None
    off: NDArray[np.bool_] | None = None
    restarted: bool = False

    def __len__(self) -> int:
        return len(self.counter)


@dataclass(frozen=True, slots=True)
class Stream:
    """What one sensor sends, as a model and a recording depend on it.

    microvolts_per_count  size of one converter count: at the electrode where the amplifier is
                          known, else at the converter's input
    lowest_count, highest_count  counts at these or beyond are the ends of the range: railed
    turn                  samples after which the counter begins again; 0: no counter, and loss
                          cannot be seen
    zero_count            the count of 0 microvolts
    """

    sample_rate_hz: float
    n_channels: int
    microvolts_per_count: float
    lowest_count: int
    highest_count: int
    turn: int
    zero_count: int = 0

    @property
    def loss_visible(self) -> bool:
        """Whether a lost frame can be told from the stream."""
        return self.turn > 0


class FrameReader(Protocol):
    """A parser without a port: any chunking of the same bytes gives the same frames.

    It never raises, and what it holds is bounded. What is no frame is counted: `rejected_bytes`
    in `resyncs` stretches, of them `malformed` whole frames or lines that were refused.

    stream  what the sensor sends; None until it is known, and no frames come before
    """

    rejected_bytes: int
    resyncs: int
    malformed: int

    @property
    def stream(self) -> Stream | None: ...

    def feed(self, chunk: bytes) -> list[Frames]:
        """The frames that this chunk completes, oldest first, in stretches without noise."""
        ...


@dataclass(frozen=True, slots=True)
class Ask:
    """One step of the greeting: what the host sends, and the reply that it waits for.

    begins, ends  the reply lies between them; with no `ends` there is no reply, and the line is
                  only given time to fall quiet
    ignored       what lies between them and is no reply, without the space around it
    optional      the greeting goes on without the reply, too
    within_s      longest wait, seconds
    quiet_s       how long the line is to be quiet, where there is no reply; 0: for one read
    again_s       where the sensor may be deaf at first (it resets when its port is opened): `send`
                  is sent again this often until the reply comes; 0: once only
    trouble       phrases in a reply that mean that it cannot work, each with what to do
    """

    send: bytes
    begins: bytes = b""
    ends: bytes = b""
    within_s: float = 0.0
    trouble: tuple[tuple[bytes, str], ...] = ()
    again_s: float = 0.0
    ignored: tuple[bytes, ...] = ()
    optional: bool = False
    quiet_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a person asks of a sensor that can be set; None: as it comes.

    gain      of the amplifier, as its data sheet counts
    channels  how many it is to send, or sends where that cannot be told from its bytes
    """

    rate_hz: float | None = None
    gain: int | None = None
    channels: int | None = None


_FLAGS = {"rate_hz": "--rate", "gain": "--gain", "channels": "--sensor-channels"}


def refuse_wishes(title: str, wishes: Wishes, *taken: str) -> None:
    """PortError where a wish other than those `taken` is made of a sensor that cannot meet it."""
    for field in fields(wishes):
        if field.name in taken or getattr(wishes, field.name) is None:
            continue
        flag = _FLAGS[field.name]
        raise PortError(
            f"{flag} does not go with the {title}, which has it fixed: leave {flag} out"
        )


@dataclass(frozen=True, slots=True)
class Device:
    """The facts of one sensor on a serial line.

    bauds           tried in this order
    hello, goodbye  what starts the stream, and what stops it
    check           what a person should look at when it is silent
    loss            whether and how a loss is seen, in one line for people
    reader          makes the parser from all that the sensor said in the greeting
    stream          what it sends, where that is known beforehand
    poke            sent when it falls silent: asks it to talk again
    """

    name: str
    title: str
    bauds: tuple[int, ...]
    hello: tuple[Ask, ...]
    goodbye: bytes
    check: str
    loss: str
    reader: Callable[[bytes], FrameReader]
    stream: Stream | None = None
    poke: bytes = b""
