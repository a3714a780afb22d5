"""Bytes of one wire format in, whole frames out: what every sensor's module is made of."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """Frames that followed each other on the wire without a byte between them.

    counter  (n,) int64, as sent: it wraps
    counts   (n, channel) int32, as the converter gave them
    """

    counter: NDArray[np.int64]
    counts: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.counter)


class FrameReader(Protocol):
    """A parser without a port: any chunking of the same bytes gives the same frames.

    It never raises and holds less than two frames. What is no frame is counted:
    `rejected_bytes` in `resyncs` stretches.
    """

    rejected_bytes: int
    resyncs: int

    def feed(self, chunk: bytes) -> list[Frames]:
        """The frames that this chunk completes, oldest first, in stretches without noise."""
        ...


@dataclass(frozen=True, slots=True)
class Ask:
    """One step of the greeting: what the host sends, and the reply that it waits for.

    begins, ends  the reply lies between them; with no `ends` there is no reply, and the line is
                  only given time to fall quiet
    within_s      longest wait, seconds
    trouble       phrases in a reply that mean that it cannot work, each with what to do
    """

    send: bytes
    begins: bytes = b""
    ends: bytes = b""
    within_s: float = 0.0
    trouble: tuple[tuple[bytes, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Device:
    """The facts of one sensor on a serial line.

    microvolts_per_count  size of one converter count
    rail_count            counts this far from zero, or further, are the end of the range
    counter_bits          width of the frame counter; 0: none, and loss cannot be seen
    hello, goodbye        what starts the stream, and what stops it
    check                 what a person should look at when it is silent
    """

    name: str
    title: str
    baud: int
    sample_rate_hz: float
    n_channels: int
    microvolts_per_count: float
    rail_count: int
    counter_bits: int
    hello: tuple[Ask, ...]
    goodbye: bytes
    check: str
    reader: Callable[[], FrameReader]

    @property
    def loss_visible(self) -> bool:
        """Whether a lost frame can be told from the stream."""
        return self.counter_bits > 0
