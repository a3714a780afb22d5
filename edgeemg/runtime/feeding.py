"""A sensor's reads in, samples out: read in a thread of its own, handed on when a hop is whole.

The kernel keeps some milliseconds of a serial line. So one thread does nothing but read, and the
loop may be late (a slow inference, a bundle that is loaded). Both share one interpreter: what holds
it for longer than the kernel keeps bytes loses them, and that is counted. Between two hops
nobody needs what arrives: the thread lets it gather, since waking up costs more than parsing.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Self

import numpy as np

from edgeemg.dsp.samples import Samples, join

_LONGEST_HOLD_S = 0.25  # what came is handed on, hop or not
_PATIENCE_S = 0.5  # the loop waits for the thread so long, then goes round with nothing
_LEAST_GATHER_S = 0.001
# A read ends so long after a hop's last sample is due. Where it came later, the next read gets it,
# and reads end later; where it was there, a little earlier. So most hops take one read.
_FIRST_MARGIN_S = 0.001
_LONGEST_MARGIN_S = 0.003
_LATER_S, _EARLIER_S = 0.0005, 0.00005
_CLOSE_S = 1.5
_SETTLE_S = 6.0  # after it a notch filter has forgotten how it started, to the last digit told

# gather_s -> what came: (time, channel), possibly no rows; returns within a tenth of a second.
Read = Callable[[float], Samples]


class Feed:
    """Samples from a thread that reads; iterate it once, inside a `with`.

    read      one read of the sensor, which lets bytes gather for so many seconds
    most_s    samples that wait for the loop, in seconds; beyond them the oldest are dropped

    dropped   samples that the loop was too slow for; their index is missing in what follows

    What it yields has no rows where nothing came for half a second. An error of the read, or the
    end of the sensor, comes out of the iteration, behind the samples from before it.
    """

    def __init__(
        self,
        read: Read,
        *,
        n_channels: int,
        sample_rate_hz: float,
        most_s: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.dropped = 0
        self._read = read
        self._rate_hz = sample_rate_hz
        self._nothing = Samples.contiguous(np.empty((0, n_channels)), sample_rate_hz)
        self._most = max(1, int(most_s * sample_rate_hz))
        self._clock = clock
        self._hop, self._window = 1, 1
        self._recent: deque[Samples] = deque()
        self._recent_rows = 0
        self._most_recent = int(_SETTLE_S * sample_rate_hz)
        self._queue: SimpleQueue[Samples | Exception] = SimpleQueue()
        self._came = 0  # rows put; only the thread counts it, as `dropped`
        self._went = 0  # rows taken; only the loop counts it
        self._held: list[Samples] = []
        self._margin_s = _FIRST_MARGIN_S
        self._seen_s = clock()
        self._closed = False
        self._thread = Thread(target=self._read_on, name="edgeemg-reader", daemon=True)

    def pace(self, *, window_samples: int, hop_samples: int) -> None:
        """When samples are needed: where windows end. May be called while it runs."""
        self._window, self._hop = window_samples, hop_samples
        self._most_recent = window_samples + int(_SETTLE_S * self._rate_hz)

    def recent(self) -> list[Samples]:
        """What was handed on last: a window, and what filters need to settle before it."""
        return list(self._recent)

    @property
    def waiting(self) -> int:
        """Samples that were read, and that the loop has not taken yet."""
        return self._came - self._went - self.dropped + sum(len(one) for one in self._held)

    @property
    def silent_s(self) -> float:
        """Since the thread was last seen reading, seconds; a read that found nothing counts."""
        return self._clock() - self._seen_s

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._closed = True
        self._thread.join(_CLOSE_S)

    def __iter__(self) -> Iterator[Samples]:
        while True:
            try:
                came = self._queue.get(timeout=_PATIENCE_S)
            except Empty:
                yield self._nothing
                continue
            if isinstance(came, Exception):
                raise came
            self._went += len(came)
            self._remember(came)
            yield came

    def _remember(self, samples: Samples) -> None:
        if not len(samples):
            return
        self._recent.append(samples)
        self._recent_rows += len(samples)
        while self._recent_rows - len(self._recent[0]) >= self._most_recent:
            self._recent_rows -= len(self._recent.popleft())

    def _read_on(self) -> None:
        try:
            self._gather()
        except Exception as error:  # noqa: BLE001  # it is raised in the loop
            self._hand_on()
            self._queue.put(error)

    def _gather(self) -> None:
        gather_s, put_s = _LEAST_GATHER_S, self._clock()
        while not self._closed:
            began_s = self._clock()
            samples = self._read(gather_s)
            self._seen_s = now_s = self._clock()
            completed = self._completes(samples)
            # a port gathers no longer than the kernel keeps: such a read was not to end a hop
            if len(samples) and now_s - began_s >= gather_s:
                self._aim(completed=completed, gather_s=gather_s)
            gather_s = self._until_due_s(samples, now_s)
            if len(samples):
                self._held.append(samples)
            if completed or now_s - put_s >= _LONGEST_HOLD_S:
                self._hand_on()
                put_s = now_s

    def _completes(self, samples: Samples) -> bool:
        """Whether a hop ends in these samples."""
        if not len(samples):
            return False
        return self._grid(int(samples.index[-1])) > self._grid(int(samples.index[0]) - 1)

    def _grid(self, index: int) -> int:
        """How many hops are whole once this sample is there (dsp.windows: the hop grid)."""
        return (index + 1 - self._window) // self._hop

    def _until_due_s(self, samples: Samples, now_s: float) -> float:
        """How long bytes may gather, once one has come, to end where the next hop does."""
        if not len(samples):
            return _LEAST_GATHER_S
        missing = self._hop - (int(samples.index[-1]) + 1 - self._window) % self._hop
        period_s = 1 / self._rate_hz
        # the first byte is of the next sample, and has waited where this thread was late
        waited_s = max(0.0, now_s - samples.arrived_s - period_s)
        due_s = (missing - 1) * period_s - waited_s
        return max(_LEAST_GATHER_S, due_s + self._margin_s)

    def _aim(self, *, completed: bool, gather_s: float) -> None:
        """Learn from a read that was to end a hop."""
        if completed:
            self._margin_s = max(_LEAST_GATHER_S, self._margin_s - _EARLIER_S)
        elif gather_s > _LEAST_GATHER_S:
            self._margin_s = min(_LONGEST_MARGIN_S, self._margin_s + _LATER_S)

    def _hand_on(self) -> None:
        held, self._held = self._held, []
        self._put(join(held) if len(held) > 1 else held[0] if held else self._nothing)

    def _put(self, samples: Samples) -> None:
        self._came += len(samples)
        self._queue.put(samples)
        while self._came - self._went - self.dropped > self._most:
            try:
                oldest = self._queue.get_nowait()
            except Empty:
                return
            assert not isinstance(oldest, Exception), "the thread ends with its error"
            self.dropped += len(oldest)
