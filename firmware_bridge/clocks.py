"""Sample indices and the host times of their arrival in, the map from one to the other out.

Delays are one-sided: a sample may arrive late, never early. So the line through the earliest
arrivals (the least delay of each 10 s, over 30 such blocks) is the sensor's clock plus the least
delay of the link; host hiccups hardly move it. A recursive mean would follow them.
"""

import math
from collections import deque

import numpy as np

from firmware_bridge.frames import Stream

_BLOCK_S = 10.0
_BLOCKS = 30
_LEAST_S = 30.0  # a line over less says more of the delays than of the clock


class HostClock:
    """The sensor's sample index on the host's monotonic clock; a read costs the same for ever.

    sample_rate_hz  the sensor's nominal rate
    """

    def __init__(self, sample_rate_hz: float) -> None:
        self._rate_hz = sample_rate_hz
        self.reset()

    def reset(self) -> None:
        """Forget all: the sensor began anew, or its index was set by the host's clock."""
        # (sensor's seconds, host's seconds less those) of the least delayed sample of each block
        self._earliest: deque[tuple[float, float]] = deque(maxlen=_BLOCKS)
        self._block = -1
        self._first_s = math.nan
        self._last_s = math.nan

    def add(self, index: int, arrived_s: float) -> None:
        """The newest sample of a read, and the host's monotonic seconds when the read ended."""
        sensor_s = index / self._rate_hz
        if math.isnan(self._first_s):
            self._first_s = sensor_s
        self._last_s = sensor_s
        behind_s = arrived_s - sensor_s
        block = int((sensor_s - self._first_s) / _BLOCK_S)
        if block != self._block:
            self._block = block
            self._earliest.append((sensor_s, behind_s))
        elif behind_s < self._earliest[-1][1]:
            self._earliest[-1] = (sensor_s, behind_s)

    def index_at(self, host_s: float) -> float:
        """The newest sample that can be there at this time, with its fraction; NaN before any."""
        if not self._earliest:
            return math.nan
        slope, base_s, at_s = self._line()
        return (at_s + (host_s - at_s - base_s) / (1 + slope)) * self._rate_hz

    def drift_ppm(self) -> float | None:
        """How much faster than its nominal rate the sensor's clock runs by the host's, in ppm.

        None before 30 s: see the module's docstring. With unseen losses (a sensor without a
        counter) it is the rate of what arrives.
        """
        if not self._last_s - self._first_s >= _LEAST_S:
            return None
        slope, _, _ = self._line()
        return (1 / (1 + slope) - 1) * 1e6

    def _line(self) -> tuple[float, float, float]:
        """Slope, and a point on the line: host's seconds less the sensor's, over the sensor's."""
        points = np.array(self._earliest)
        sensor_s, behind_s = points.mean(axis=0)
        if not self._last_s - self._first_s >= _LEAST_S:
            latest = points[points[:, 1].argmin()]
            return 0.0, float(latest[1]), float(latest[0])
        ahead = points - (sensor_s, behind_s)
        slope = float(ahead[:, 0] @ ahead[:, 1] / (ahead[:, 0] @ ahead[:, 0]))
        return slope, float(behind_s), float(sensor_s)


def drift_told(drift_ppm: float, stream: Stream) -> str:
    """A drift in one line for people, and the rate that it amounts to."""
    rate_hz = stream.sample_rate_hz
    hidden = "" if stream.loss_visible else ", or samples are lost that nobody sees"
    return (
        f"its clock runs {drift_ppm:+.0f} ppm against this computer's: "
        f"{rate_hz * (1 + drift_ppm * 1e-6):.3f} samples a second where {rate_hz:g} are named"
        f"{hidden}"
    )
