"""Decisions in, the world out."""

import codecs
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Protocol, TextIO

from edgeemg.errors import SinkError


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision, as every sink tells it.

    sample_index  the sensor's index of the last sample that the decision saw
    t_s           the same in seconds of the sensor's clock
    latency_ms    from the read of the last needed byte to here; None for a recording
    engine        the engine and precision that decided
    """

    label: str
    confidence: float
    sample_index: int
    t_s: float
    latency_ms: float | None
    engine: str


class Sink(Protocol):
    """A place that decisions go to."""

    def send(self, decision: Decision) -> None:
        """Pass one decision on."""
        ...

    def close(self) -> None:
        """Let go of what it holds."""
        ...


class JsonLines:
    """One JSON object a line, flushed at once, so that a pipe sees it when it happens."""

    def __init__(self, stream: TextIO, *, owned: bool = False) -> None:
        self._stream = stream
        self._owned = owned  # close it with the sink; stdout stays the caller's
        # a board without a locale writes ASCII: labels are escaped there, JSON all the same
        encoding = getattr(stream, "encoding", None) or "ascii"
        self._ascii = codecs.lookup(encoding).name != "utf-8"

    def send(self, decision: Decision) -> None:
        """Write the decision; SinkError where nobody reads any more or the disk is full."""
        line = json.dumps(asdict(decision), ensure_ascii=self._ascii)
        with self._told():
            self._stream.write(line + "\n")
            self._stream.flush()

    def close(self) -> None:
        """Close the stream where it is the sink's own."""
        if self._owned:
            with self._told():
                self._stream.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise SinkError(
                f"cannot write decisions to {getattr(self._stream, 'name', 'the output')} "
                f"({error.strerror}): is the reader gone, or the disk full?"
            ) from error
