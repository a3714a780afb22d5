"""What happened on the wire, in numbers: nothing is lost without being counted here."""

from dataclasses import asdict, dataclass, replace

from firmware_bridge.frames import FrameReader


@dataclass(slots=True)
class Counters:
    """What went over the wire, and what did not, since the port was opened.

    received          samples handed on
    lost              samples that the counter says were sent and never came; whole turns of it
                      by the host's clock
    lost_in_outages   samples that the sensor would have sent while it was away, was off, or began
                      anew: by the host's clock, unless its counter went on
    duplicates        samples that came twice
    stale             samples that came after later ones: dropped
    malformed         whole frames or lines that were refused: checksum, length, not a number
    rejected_bytes    bytes that belonged to no frame
    resyncs           stretches of such bytes
    overruns          of the lost: samples that the sensor itself says it took and could not send
    reboots           times that the sensor began anew while the port stayed
    reconnects        times that the port was opened again
    stalls            times that no frame came for longer than ten take, half a second at least
    """

    received: int = 0
    lost: int = 0
    lost_in_outages: int = 0
    duplicates: int = 0
    stale: int = 0
    malformed: int = 0
    rejected_bytes: int = 0
    resyncs: int = 0
    overruns: int = 0
    reboots: int = 0
    reconnects: int = 0
    stalls: int = 0

    def as_dict(self) -> dict[str, int]:
        """Name to number, for printing."""
        return asdict(self)


class ReaderCounts:
    """Keeps in `counters` what parsers count, added up over those that followed each other.

    A sensor's own overruns count from the first parser on: what it had lost before is not ours.
    """

    def __init__(self, counters: Counters, reader: FrameReader) -> None:
        self._counters = counters
        self._before = replace(counters)
        self._overruns = _overruns(reader)

    def take(self, reader: FrameReader) -> None:
        """What it has counted by now."""
        counters, before = self._counters, self._before
        counters.rejected_bytes = before.rejected_bytes + reader.rejected_bytes
        counters.resyncs = before.resyncs + reader.resyncs
        counters.malformed = before.malformed + reader.malformed
        told = _overruns(reader)
        # a sensor that began anew counts from 0 again
        counters.overruns += told - self._overruns if told >= self._overruns else told
        self._overruns = told

    def end(self, reader: FrameReader) -> None:
        """Its line is gone: half a frame is noise, and another parser follows."""
        half_a_frame = getattr(reader, "held_bytes", 0)
        self._counters.rejected_bytes += half_a_frame
        self._counters.resyncs += half_a_frame > 0
        self._before = replace(self._counters)


def _overruns(reader: FrameReader) -> int:
    return int(getattr(reader, "overruns", 0))
