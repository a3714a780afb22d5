"""Frames with a short counter in, samples on the sensor's own time out; every loss counted."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from edgeemg.dsp.samples import Samples
from firmware_bridge.clocks import HostClock
from firmware_bridge.counters import Counters
from firmware_bridge.frames import Frames, Stream
from firmware_bridge.turns import MissedTurns

_PLAIN = 8  # a step of the counter up to this is a plain loss, which no clock is asked about
_LEAP = 3 / 4  # of a short turn: a step so far ahead of the host's clock is one back
_STALE_RUN = 16  # stale samples in a row: the sensor began anew and did not say so,
_AGAIN_S = 1.0  # unless they are from a second ago, as in a burst that came twice,
_BOOT_S = 0.1  # and hardly more time has passed than they take
_SURE_TURN_S = 60.0  # a counter with such turns says itself how much was lost, however much
_CLEAR_TURN_S = 0.5  # turns that the host's clock can tell apart
_UNSURE_S = 1.0  # over an outage it and the host's clock agree to within this,
_UNSURE = 0.01  # and this share of it, or it is another count


class Assembler:
    """Turns frames into Samples: index from the counter, microvolts from the counts.

    The first sample has its counter as index, so a sensor that starts at 0 gives row numbers; a
    stream without a counter starts at 0 and counts up, and hides what it loses. A loss is a step
    in the index. Where the counter says nothing (whole turns, an outage unless it is long, a
    sensor that began anew) the host's clock decides: the index is then off by as much as the reads
    before and after were late, some milliseconds on a host that keeps up, and it always rises.

    counters  what came and what did not
    clock     the index on the host's clock
    """

    def __init__(self, stream: Stream, counters: Counters | None = None) -> None:
        self.counters = Counters() if counters is None else counters
        self.clock = HostClock(stream.sample_rate_hz)
        self._stream = stream
        self._watch = MissedTurns(stream.turn, stream.sample_rate_hz)
        self._most_plain = min(_PLAIN, stream.turn // 2)
        self._sure = stream.turn >= _SURE_TURN_S * stream.sample_rate_hz
        self._counter: int | None = None  # of the last sample
        self._index = -1  # of the last sample
        self._away = False  # what comes next comes after an outage
        self._reopened = False
        self._renumbered = True
        self._stale_run = 0

    def outage(self, *, reopened: bool = True, renumbered: bool = True) -> None:
        """The sensor was away for a time: what it sends next goes on by the host's clock.

        reopened    the port was closed; else it only fell silent, and may have kept what it had
        renumbered  its counter may have begun anew, as after a command that starts it
        """
        self._away, self._reopened = True, reopened
        self._renumbered = reopened or renumbered

    def take(self, frames: list[Frames], arrived_s: float) -> Samples:
        """Frames of one read -> Samples (may be empty): (time, channel).

        arrived_s  host monotonic seconds at which the last byte was read
        """
        if len(frames) == 1 and (plain := self._in_step(frames[0], arrived_s)) is not None:
            return self._samples(frames[0], plain, arrived_s)
        lives = _lives(frames, self._stream.n_channels)
        index = [self._placed(life, arrived_s) for life in lives if len(life)]
        if not index:
            return self._samples(lives[0], np.empty(0, np.int64), arrived_s)
        whole = lives[0] if len(lives) == 1 else _joined(lives)
        return self._samples(whole, np.concatenate(index), arrived_s)

    def _in_step(self, frames: Frames, arrived_s: float) -> NDArray[np.int64] | None:
        """(n,) index of samples that directly follow the last; None where there is more to it.

        What nearly every read is: it has to cost little.
        """
        turn, counter, n = self._stream.turn, frames.counter, len(frames)
        if not turn or self._counter is None or self._away or frames.restarted or not n:
            return None
        if (int(counter[0]) - self._counter) % turn != 1:
            return None
        if n > 1 and ((counter[1:] - counter[:-1]) % turn != 1).any():
            return None
        hidden = turn * self._watch.missed(self._index + n, arrived_s, 0)
        self._index += hidden + n
        self._counter, self._stale_run = int(counter[-1]), 0
        self.counters.received += n
        self.counters.lost += hidden
        self.clock.add(self._index, arrived_s)
        return np.arange(self._index + 1 - n, self._index + 1)

    def _placed(self, frames: Frames, arrived_s: float) -> NDArray[np.int64]:
        """(n,) index of each sample; -1 for one that is dropped."""
        if frames.restarted and self._counter is not None:
            self.counters.reboots += 1
            self.outage()
        counter = frames.counter
        if not self._stream.turn:
            counter = np.arange(self._index + 1, self._index + 1 + len(frames))
        if self._counter is None:
            self._counter = self._index = int(counter[0]) - 1
        elif self._away:
            self._go_on(counter, arrived_s, anew=frames.restarted)
        self._away = False
        steps, away = self._steps(counter, arrived_s)
        fresh = steps > 0
        index = self._index + np.cumsum(steps)
        self.counters.received += int(fresh.sum())
        self.counters.lost += int((steps - fresh).sum()) - away
        self.counters.lost_in_outages += away
        self._index = int(index[-1])
        if fresh.any():
            self.clock.add(self._index, arrived_s)
        return np.where(fresh, index, -1)

    def _steps(self, counter: NDArray[np.int64], arrived_s: float) -> tuple[NDArray[np.int64], int]:
        """(n,) steps of the index, 0 for a dropped sample; and how much of them is an outage."""
        turn = self._stream.turn
        if not turn:
            return np.ones(len(counter), dtype=np.int64), 0
        assert self._counter is not None
        away, steps = 0, counter.copy()
        steps[0] -= self._counter
        steps[1:] -= counter[:-1]
        steps %= turn
        if steps.min() > 0 and steps.max() <= self._most_plain:
            self._counter, self._stale_run = int(counter[-1]), 0
        else:
            steps, away = self._sorted_out(counter, arrived_s)
        if not steps.any():
            return steps, away
        widest = int(steps.argmax())
        ends_at = self._index + int(steps.sum())
        turns = self._watch.missed(ends_at, arrived_s, int(steps[widest]) - 1)
        # where a whole turn is missing, it is most likely in the widest gap
        steps[widest] += turn * turns
        return steps, away

    def _sorted_out(
        self, counter: NDArray[np.int64], arrived_s: float
    ) -> tuple[NDArray[np.int64], int]:
        """As `_steps`, sample by sample: where the counter does not simply go on."""
        assert self._counter is not None
        turn, rate_hz = self._stream.turn, self._stream.sample_rate_hz
        # a serial line keeps its order: what the clock does not exclude is a loss, and not stale;
        # nor does the clock of a host that slept say anything against a counter that is sure
        leap = turn / 2 if self._sure else turn * _LEAP
        steps, away, at = np.zeros(len(counter), dtype=np.int64), 0, self._index
        for n, sent in enumerate(counter.tolist()):
            step = (sent - self._counter) % turn
            # samples that the clock expected since the last one, when this was sent
            behind = self._watch.behind(at, arrived_s) - (len(counter) - 1 - n)
            if not step and behind < turn / 2:
                self.counters.duplicates += 1
                continue
            step = step or turn
            ahead = step - max(behind, 0.0)
            if step > self._most_plain and ahead > leap:
                if not self._begins_anew(sent, behind):
                    continue
                step = max(1, round(behind))
                away += step - 1
            elif ahead > _UNSURE_S * rate_hz:
                self.clock.reset()  # the host's clock stood still
            self._stale_run = 0
            self._counter, at, steps[n] = sent, at + step, step
        return steps, away

    def _begins_anew(self, sent: int, behind: float) -> bool:
        """Count a stale sample; whether there are so many that it is the sensor that is new."""
        self.counters.stale += 1
        self._stale_run += 1
        if self._stale_run < _STALE_RUN:
            return False
        assert self._counter is not None
        turn, rate_hz = self._stream.turn, self._stream.sample_rate_hz
        recent = (self._counter - sent) % turn < _AGAIN_S * rate_hz
        if recent and behind < self._stale_run + _BOOT_S * rate_hz:
            return False
        self.counters.stale -= 1  # this one is not
        self.counters.reboots += 1
        self.clock.reset()
        self._watch.restart()
        return True

    def _go_on(self, counter: NDArray[np.int64], arrived_s: float, *, anew: bool) -> None:
        """Move the index over an outage, so that these samples follow it."""
        turn = self._stream.turn
        within = int((np.diff(counter) % turn).sum()) if turn else len(counter) - 1
        by_clock = self.clock.index_at(arrived_s) - within - self._index
        if math.isnan(by_clock):
            by_clock = 1.0
        step = max(1, round(by_clock))
        if turn and not anew:
            step = self._by_counter(int(counter[0]), by_clock) or step
        self.counters.lost_in_outages += step - 1
        self._index += step - 1
        self._counter = int(counter[0]) - 1
        self._stale_run = 0
        self.clock.reset()
        self._watch.restart()

    def _by_counter(self, first: int, by_clock: float) -> int | None:
        """The step over an outage by a counter that went on; None where it did not, or may not."""
        turn = self._stream.turn
        assert self._counter is not None
        step = (first - self._counter) % turn
        if not self._sure:
            # many begin again at each start, and then a short one fits by chance
            if self._renumbered or turn < _CLEAR_TURN_S * self._stream.sample_rate_hz:
                return None
            return step + turn * max(0, round((by_clock - step) / turn)) or None
        if not self._reopened:  # it was silent: what it kept comes late, and it says when it boots
            return step if 0 < step <= turn / 2 else None
        unsure = _UNSURE_S * self._stream.sample_rate_hz + _UNSURE * abs(by_clock)
        return step if abs(step - by_clock) <= unsure else None

    def _samples(self, frames: Frames, index: NDArray[np.int64], arrived_s: float) -> Samples:
        stream, counts = self._stream, frames.counts
        level = counts - stream.zero_count if stream.zero_count else counts
        microvolts = (level * stream.microvolts_per_count).astype(np.float32)
        valid = (counts > stream.lowest_count) & (counts < stream.highest_count)
        if frames.missing is not None:
            microvolts[frames.missing] = np.nan
            valid &= ~frames.missing
        if frames.off is not None:
            valid &= ~frames.off
        if len(index) and index.min() < 0:
            fresh = index >= 0
            microvolts, index, valid = microvolts[fresh], index[fresh], valid[fresh]
        return Samples(microvolts, stream.sample_rate_hz, index, valid, arrived_s)


def _lives(frames: list[Frames], n_channels: int) -> list[Frames]:
    """Frames of one read, joined from each restart of the sensor to the next; at least one."""
    if not frames:
        return [Frames(np.empty(0, np.int64), np.empty((0, n_channels), np.int32))]
    starts = [0, *(n for n, one in enumerate(frames) if one.restarted and n), len(frames)]
    return [_joined(frames[a:b]) for a, b in pairwise(starts)]


def _joined(frames: list[Frames]) -> Frames:
    if len(frames) == 1:
        return frames[0]
    return replace(
        frames[0],
        counter=np.concatenate([one.counter for one in frames]),
        counts=np.concatenate([one.counts for one in frames]),
        missing=_masks(frames, [one.missing for one in frames]),
        off=_masks(frames, [one.off for one in frames]),
    )


def _masks(frames: list[Frames], masks: list[NDArray[np.bool_] | None]) -> NDArray[np.bool_] | None:
    if all(mask is None for mask in masks):
        return None
    return np.concatenate(
        [
            np.zeros(one.counts.shape, np.bool_) if mask is None else mask
            for one, mask in zip(frames, masks, strict=True)
        ]
    )
