"""A sensor's index and host times in, whole turns that its counter hid out.

A counter that begins again after `turn` samples cannot tell `turn` lost samples from none. The
host's clock can, but it is late: a read that comes late looks like a loss until the next ones
have caught up. Samples never come early, so the least delay of late is what reads are held
against; what stays behind it, steadily, for long enough, is lost. A link can also become slower
for good, by more than a turn of a short counter: there, less than a link is ever late by is no
loss, and is forgotten within seconds, so that it does not add up.
"""

import math

_STRAY = 8  # lost samples in a row: more are the end of an outage, and no accident on the way
_LONG_S = 0.5  # longer than a host is late most of the time, or a link becomes late for good
_SETTLE_S = 0.25  # a host that was late has caught up, or at least gained, in this time
_SETTLE_SHORT_S = 2.0  # the same where lateness and turns are of one size (BITalino: 16 ms)
_JITTER = 8  # samples by which the least delay of a host that keeps up differs
_GIVE = 0.05  # the sensor's clock may differ from its nominal rate by this much
_LONGEST_GIVE_S = 0.1  # in one step: an outage must not be taken for a slow clock


class MissedTurns:
    """Watches the index of one stream against the host's clock. Positions are in samples.

    turn            samples after which the counter begins again
    sample_rate_hz  nominal
    """

    def __init__(self, turn: int, sample_rate_hz: float) -> None:
        self._turn = turn
        self._rate_hz = sample_rate_hz
        self._long = turn >= _LONG_S * sample_rate_hz
        self._settle_s = _SETTLE_S if self._long else _SETTLE_SHORT_S
        self._least_loss = turn / 2 if self._long else _LONG_S * sample_rate_hz
        self._jitter = min(_JITTER, turn / 4)
        self.restart()

    def restart(self) -> None:
        """What comes next is in step, whatever it is."""
        self._least = math.nan  # host's clock less the index, of reads without delay
        self._read_s = 0.0
        self._since_s = math.nan  # the index is behind since then
        self._halves = [math.inf, math.inf]  # least that it was behind, in each half of the wait

    def behind(self, index: int, arrived_s: float) -> float:
        """How many samples more the host's clock expects than this index; late reads add to it."""
        if math.isnan(self._least):
            return 0.0
        return arrived_s * self._rate_hz - index - self._least

    def missed(self, index: int, arrived_s: float, widest: int) -> int:
        """Whole turns to add to an index that a read ended with.

        widest  most samples that the counter itself says were lost in a row in this read
        """
        position = arrived_s * self._rate_hz - index
        if math.isnan(self._least):
            self._least, self._read_s = position, arrived_s
            return 0
        behind = position - self._least
        passed_s, self._read_s = arrived_s - self._read_s, arrived_s
        if behind < self._least_loss:
            give = _GIVE * min(passed_s, _LONGEST_GIVE_S) * self._rate_hz
            self._least = min(self._least + give, position)
            self._since_s = math.nan
            return 0
        if not (self._long and widest > _STRAY) and not self._lasts(behind, arrived_s):
            return 0  # more likely the host was late, and there is more to read
        turns = round(behind / self._turn)
        self._least = min(self._least, position - turns * self._turn)
        self._since_s = math.nan
        return turns

    def _lasts(self, behind: float, now_s: float) -> bool:
        """Whether reads that keep up have left the index this far behind for long enough."""
        if math.isnan(self._since_s):
            self._since_s, self._halves = now_s, [behind, math.inf]
            return False
        waited_s = now_s - self._since_s
        half = int(waited_s >= self._settle_s / 2)
        self._halves[half] = min(self._halves[half], behind)
        if waited_s < self._settle_s:
            return False
        first, second = self._halves
        if abs(first - second) <= self._jitter:
            return True
        # it catches up: look on from the half that is over
        self._since_s, self._halves = now_s - self._settle_s / 2, [second, math.inf]
        return False
