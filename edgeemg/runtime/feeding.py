"""A sensor's reads in, samples out: read in a thread of its own, handed on when a hop is whole.

The kernel keeps some milliseconds of a serial line. So one thread does nothing but read, and the
loop may be late (a slow inference, a bundle that is loaded) without a loss. Between two hops
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
_MARGIN_S = 0.001  # a read ends so long before a hop is due: the next one waits for its last bytes
_CLOSE_S = 1.5
_SETTLE_S = 2.0  # after it a notch filter has forgotten how it started

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
            samples = self._read(gather_s)
            self._seen_s = now_s = self._clock()
            gather_s = self._until_due_s(samples, now_s)
            if len(samples):
                self._held.append(samples)
            if self._completes(samples) or now_s - put_s >= _LONGEST_HOLD_S:
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
        """How long bytes may gather, once one has come, so that they end before the next hop."""
        if not len(samples):
            return _LEAST_GATHER_S
        missing = self._hop - (int(samples.index[-1]) + 1 - self._window) % self._hop
        gone_s = now_s - samples.arrived_s
        return max(_LEAST_GATHER_S, (missing - 1) / self._rate_hz - _MARGIN_S - gone_s)

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
