"""What happened on the wire, in numbers: nothing is lost without being counted here."""

from dataclasses import asdict, dataclass


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
    reboots: int = 0
    reconnects: int = 0
    stalls: int = 0

    def as_dict(self) -> dict[str, int]:
        """Name to number, for printing."""
        return asdict(self)
