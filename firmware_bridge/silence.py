"""Reads with and without frames in; how long a sensor has been silent, and what is due, out."""

from firmware_bridge.ports import READ_TIMEOUT_S

_LONGEST_WAIT_S = 4 * READ_TIMEOUT_S


class Silence:
    """Time without a frame, as reads saw it.

    A read counts for 0.2 s at most: a host that slept, or was busy, has heard nothing because it
    did not listen.

    stale_s  after this the sensor is asked to talk again, and again each time it has passed
    lost_s   after this it is taken for dead

    seconds  since the last frame
    n_bytes  that came since, and were no frame
    """

    def __init__(self, stale_s: float, lost_s: float, now_s: float) -> None:
        self.lost_s = lost_s
        self._stale_s = stale_s
        self.end(now_s)

    def end(self, now_s: float) -> None:
        """A frame came."""
        self.seconds, self.n_bytes = 0.0, 0
        self._read_s, self._due_s = now_s, self._stale_s

    def go_on(self, n_bytes: int, now_s: float) -> None:
        """A read ended without a frame."""
        self.seconds += min(now_s - self._read_s, _LONGEST_WAIT_S)
        self._read_s = now_s
        self.n_bytes += n_bytes

    @property
    def is_lost(self) -> bool:
        """Whether it is of no use to wait on."""
        return self.seconds >= self.lost_s

    def is_due(self) -> bool:
        """Whether the sensor is to be asked now; True once each `stale_s`."""
        if self.seconds < self._due_s:
            return False
        self._due_s += self._stale_s
        return True
