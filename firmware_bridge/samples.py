"""Frames with a short counter in, samples on the sensor's own time out; every loss counted."""

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from edgeemg.dsp.samples import Samples
from firmware_bridge.frames import Device, Frames

_STRAY = 8  # lost packets in a row: more are the end of an outage, and no accident on the air
_SETTLE_S = 0.25  # a host that was late has caught up, or at least gained, in this time
_JITTER = 16  # samples by which a host that keeps up is now early, now late


@dataclass(slots=True)
class Counters:
    """What went over the wire, and what did not, since the port was opened.

    received        samples handed on
    lost            samples that the counter says were sent and never came
    duplicates      frames that came twice
    rejected_bytes  bytes that belonged to no frame
    resyncs         stretches of such bytes
    """

    received: int = 0
    lost: int = 0
    duplicates: int = 0
    rejected_bytes: int = 0
    resyncs: int = 0

    def as_dict(self) -> dict[str, int]:
        """Name to number, for printing."""
        return asdict(self)


class Assembler:
    """Turns frames into Samples: index from the counter, microvolts from the counts.

    The first frame has its counter as index, so a sensor that starts at 0 gives row numbers.
    A loss is a step in the index. A counter of b bits cannot tell 2**b lost frames from none:
    there the host's clock decides.
    """

    def __init__(self, device: Device) -> None:
        assert device.loss_visible, f"{device.name} has no counter"
        self.counters = Counters()
        self._device = device
        self._turn = 1 << device.counter_bits
        self._counter: int | None = None  # of the last frame
        self._index = -1  # of the last frame
        self._clock_s = 0.0  # host time of the last frame
        self._behind = 0.0  # samples that the counter is behind the clock, where a turn or more
        self._behind_since_s = 0.0

    def take(self, frames: list[Frames], arrived_s: float) -> Samples:
        """Frames of one read -> Samples (may be empty): (time, channel).

        arrived_s  host monotonic seconds at which the last byte was read
        """
        if not frames:
            return self._samples(np.empty((0, self._device.n_channels), np.int32), [], arrived_s)
        counter, counts = frames[0].counter, frames[0].counts
        if len(frames) > 1:
            counter = np.concatenate([run.counter for run in frames])
            counts = np.concatenate([run.counts for run in frames])
        if self._counter is None:
            self._counter, self._index = int(counter[0]) - 1, int(counter[0]) - 1
            self._clock_s = arrived_s
        steps = self._steps(counter, arrived_s)
        index = self._index + np.cumsum(steps)
        fresh = steps > 0
        new = int(fresh.sum())
        self.counters.received += new
        self.counters.duplicates += len(steps) - new
        self.counters.lost += int(steps.sum()) - new
        self._counter, self._index = int(counter[-1]), int(index[-1])
        return self._samples(counts[fresh], index[fresh], arrived_s)

    def _steps(self, counter: NDArray[np.int64], arrived_s: float) -> NDArray[np.int64]:
        """(n,) counters -> (n,) steps of the index; 0 for a frame that came twice."""
        assert self._counter is not None
        steps = counter.copy()
        steps[0] -= self._counter
        steps[1:] -= counter[:-1]
        steps %= self._turn
        missing = (steps - 1) % self._turn  # as far as the counter can tell
        turns = self._missed_turns(int(steps.sum()), int(missing.max()), arrived_s)
        # where a whole turn is missing, it is most likely in the widest gap
        steps[missing.argmax()] += self._turn * turns
        return steps

    def _missed_turns(self, advance: int, widest: int, arrived_s: float) -> int:
        """Whole turns of the counter that the host's clock saw and the counter did not."""
        passed = (arrived_s - self._clock_s) * self._device.sample_rate_hz
        turns = max(0, round((passed - advance) / self._turn))
        if turns and widest <= _STRAY and not self._outlasts(passed - advance, arrived_s):
            # more likely the host was late, and there is more to read
            self._clock_s += advance / self._device.sample_rate_hz
            return 0
        self._clock_s, self._behind = arrived_s, 0.0
        return turns

    def _outlasts(self, behind: float, arrived_s: float) -> bool:
        """Whether reads that keep up have left the counter this far behind for long enough."""
        if abs(behind - self._behind) > _JITTER:
            self._behind, self._behind_since_s = behind, arrived_s
        return arrived_s - self._behind_since_s >= _SETTLE_S

    def _samples(
        self, counts: NDArray[np.int32], index: NDArray[np.int64] | list[int], arrived_s: float
    ) -> Samples:
        device = self._device
        microvolts = (counts * device.microvolts_per_count).astype(np.float32)
        valid = np.abs(counts) < device.rail_count
        return Samples(
            microvolts, device.sample_rate_hz, np.asarray(index, np.int64), valid, arrived_s
        )
