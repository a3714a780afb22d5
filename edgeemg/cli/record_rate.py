"""When samples came and how they are numbered in, the rate at which a sensor really sends out.

Only one that is clearly another than it should be is told: labels would lie in wrong places.
"""

_SETTLE_S = 1.0  # after a silence: what had piled up comes at once
_LEAST_S = 5.0
_SHARE = 0.05
_SLACK_S = 1.0  # samples that are on their way, or come in bursts


class RateWatch:
    """Compares the sensor's own index with the host's clock; a silence begins the look anew."""

    def __init__(self, sample_rate_hz: float) -> None:
        self._rate_hz = sample_rate_hz
        self._since: tuple[int, float] | None = None
        self._from_s = float("-inf")
        self._last_s: float | None = None

    def take(self, last_index: int, arrived_s: float) -> float | None:
        """The rate in hertz where it is another than it should be; None where it may be right."""
        silent = self._last_s is None or arrived_s - self._last_s > _SLACK_S
        self._last_s = arrived_s
        if silent:
            self._since, self._from_s = None, arrived_s + _SETTLE_S
        if arrived_s < self._from_s:
            return None
        if self._since is None:
            self._since = last_index, arrived_s
        samples, seconds = last_index - self._since[0], arrived_s - self._since[1]
        off_s = abs(samples / self._rate_hz - seconds)
        if seconds < _LEAST_S or off_s <= _SLACK_S + _SHARE * seconds:
            return None
        return samples / seconds
