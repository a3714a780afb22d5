"""Decisions in, the world out."""

import codecs
import json
from dataclasses import dataclass, fields
from typing import Protocol, TextIO, runtime_checkable

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

    def as_json(self, *, ascii_only: bool = False) -> str:
        """One JSON object, without a line break."""
        return _ENCODERS[ascii_only].encode({name: getattr(self, name) for name in _FIELDS})


_FIELDS = tuple(one.name for one in fields(Decision))
_ENCODERS = {asked: json.JSONEncoder(ensure_ascii=asked) for asked in (False, True)}


class Sink(Protocol):
    """A place that decisions go to."""

    def send(self, decision: Decision) -> None:
        """Pass one decision on."""
        ...

    def close(self) -> None:
        """Let go of what it holds."""
        ...


@runtime_checkable
class CountingSink(Sink, Protocol):
    """A sink that never delays the loop, and counts what that costs."""

    kind: str

    def summary(self) -> dict[str, int]:
        """Decisions by what became of them: sent, dropped, failed, and more of its own."""
        ...


class JsonLines:
    """One JSON object a line, flushed at once, so that a pipe sees it when it happens."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._ascii = must_escape(stream)

    def send(self, decision: Decision) -> None:
        """Write the decision; SinkError where nobody reads any more or the disk is full."""
        line = decision.as_json(ascii_only=self._ascii)
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except OSError as error:
            raise SinkError(
                f"cannot write decisions to {getattr(self._stream, 'name', 'the output')} "
                f"({error.strerror}): is the reader gone, or the disk full?"
            ) from error

    def close(self) -> None:
        """Leave the stream open: it stays the caller's."""


def must_escape(stream: TextIO) -> bool:
    """Whether JSON for it must be ASCII: a board without a locale writes no other letters."""
    encoding = getattr(stream, "encoding", None) or "ascii"
    return codecs.lookup(encoding).name != "utf-8"
