"""Decisions in, decisions delivered: a queue and a thread between the loop and one place.

The one answer to "a slow or dead sink never delays the loop". `send` returns at once. The thread
delivers, in order, and where the place cannot take a decision it tries again for ever. What waits
is bounded: the oldest goes first, and is counted.
"""

import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable

from edgeemg.errors import SinkError
from edgeemg.manifest import Manifest
from edgeemg.runtime.sinks import Decision
from edgeemg.runtime.standing import Standing

MOST = 256  # decisions that wait; at ten hops a second, the last half minute of every hop
_DRAIN_S = 0.6  # of `close`, in which what waits is still tried
_END_S = 0.95  # of `close` in all: the rest is for the place to take its leave
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 2.0  # between tries; a broker that is back is soon found
_GIVE_UP_S = 30.0  # a recording that is played waits for a place, not for ever


class LostError(SinkError):
    """This decision was given to the place and failed there; to try it again could do harm."""


class OverError(SinkError):
    """The place is gone for good, and the run with it."""


class Place(ABC):
    """Where an outbox delivers, from its own thread: it may wait, the loop may not."""

    def takes(self, decision: Decision) -> bool:  # noqa: ARG002  # most take every one
        """Whether the decision concerns this place at all; others are not counted."""
        return True

    @abstractmethod
    def deliver(self, decision: Decision) -> None:
        """Pass one decision on.

        SinkError: it is tried again, with the same object. LostError, OverError: as they say.
        """

    def at_once(self, decision: Decision) -> bool:  # noqa: ARG002  # most may have to wait
        """Deliver from the loop's own thread, without any wait; False where that cannot be.

        OverError: as it says.
        """
        return False

    def hurry(self) -> None:  # noqa: B027  # most have nothing to hurry
        """From another thread: the time is up, `deliver` is to return."""

    def confirmed(self) -> int | None:
        """How many decisions arrived for sure; None where all do that `deliver` passed on.

        Any thread may ask, at any time.
        """
        return None

    def model_is(self, manifest: Manifest) -> str | None:  # noqa: ARG002  # most know of none
        """Another model decides from now on; what a person should know of that, or None.

        Called by the loop: it must return at once.
        """
        return None

    def close(self) -> None:  # noqa: B027  # some hold nothing
        """Take leave, within 0.35 s."""


class Outbox:
    """A sink that hands decisions to a place.

    kind      names its counters; `standing` tells when the place is down and when it is back
    lossless  for a recording that is played as fast as it goes: `send` waits for room and
              `close` for delivery, until `stopped` says that the run is to end. A place that is
              down for 30 s then ends the run.
    """

    def __init__(
        self,
        place: Place,
        *,
        kind: str,
        standing: Standing,
        lossless: bool = False,
        most: int = MOST,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self.kind = kind
        self._place = place
        self._standing = standing
        self._lossless = lossless
        self._most = most
        self._stopped = stopped
        self._waiting: deque[Decision] = deque()
        self._changed = threading.Condition()
        self._ending = threading.Event()
        self._hurried = threading.Event()
        self._over: SinkError | None = None
        self._over_told = False
        self._closed = self._in_hand = False
        self._taken = 0
        self._counts = dict.fromkeys(("sent", "dropped", "failed", "retried"), 0)
        self._worker = threading.Thread(target=self._work, name=f"sink {kind}", daemon=True)
        self._worker.start()

    def send(self, decision: Decision) -> None:
        """Queue one decision; SinkError where the place is gone for good."""
        if not self._place.takes(decision):
            return
        with self._changed:
            if self._lossless:
                self._wait_for_room()
            self._raise_if_over()
            self._taken += 1
            if self._is_through(decision):
                return
            while len(self._waiting) >= self._most:
                self._waiting.popleft()
                self._counts["dropped"] += 1
            self._waiting.append(decision)
            self._changed.notify_all()

    def close(self) -> None:
        """Deliver what waits, for at most a second, and count the rest as dropped.

        SinkError where the place is gone for good and no `send` could say so.
        """
        if self._closed:
            return
        with self._changed:
            self._ending.set()
            self._changed.notify_all()
        if self._lossless:
            self._wait_for_the_end()
        ends_s = time.monotonic() + _END_S
        self._worker.join(_DRAIN_S)
        self._hurried.set()
        if self._worker.is_alive():
            self._place.hurry()
        self._worker.join(max(0.0, ends_s - time.monotonic()))
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._leave_out_what_nobody_confirmed()
            delivered = self._counts["sent"] + self._counts["failed"]
            self._counts["dropped"] = self._taken - delivered
            if not self._over_told:
                self._raise_if_over()

    def model_is(self, manifest: Manifest) -> None:
        """Tell the place that another model decides from now on."""
        warning = self._place.model_is(manifest)
        if warning is not None:
            self._standing.say(warning)

    def summary(self) -> dict[str, int]:
        """What became of the decisions; at the end sent + dropped + failed is all of them.

        sent     delivered
        dropped  the oldest, for want of room, and what was still waiting at the end
        failed   given to the place, and lost there
        retried  tries that went wrong and were followed by another
        """
        return dict(self._counts)

    def _leave_out_what_nobody_confirmed(self) -> None:
        confirmed = self._place.confirmed()
        if confirmed is not None:
            self._counts["sent"] = min(self._counts["sent"], confirmed)

    def _is_through(self, decision: Decision) -> bool:
        """Whether it was delivered here: a thread costs milliseconds where the loop stays busy."""
        if self._waiting or self._in_hand:
            return False
        try:
            through = self._place.at_once(decision)
        except OverError as error:
            self._over, self._over_told = error, True
            raise
        self._counts["sent"] += through
        return through

    def _raise_if_over(self) -> None:
        if self._over is not None:
            self._over_told = True
            raise self._over

    def _wait_for_room(self) -> None:
        while len(self._waiting) >= self._most and self._worker.is_alive() and not self._stopped():
            self._changed.wait(0.1)

    def _wait_for_the_end(self) -> None:
        while self._worker.is_alive() and not self._stopped():
            self._worker.join(0.1)

    def _work(self) -> None:
        try:
            while (decision := self._next()) is not None:
                self._deliver(decision)
        finally:
            self._place.close()

    def _next(self) -> Decision | None:
        with self._changed:
            self._in_hand = False
            while not self._waiting and not self._ending.is_set():
                self._changed.wait()
            if not self._waiting or self._hurried.is_set() or self._over is not None:
                return None
            decision = self._waiting.popleft()
            self._in_hand = True
            self._changed.notify_all()
            return decision

    def _deliver(self, decision: Decision) -> None:
        """Until it is there, lost or the time is up; counted here, but for what was dropped."""
        began_s, pause_s = time.monotonic(), _FIRST_PAUSE_S
        while True:
            try:
                self._place.deliver(decision)
            except LostError as error:
                self._standing.down(f"{error}; failures are counted")
                return self._count("failed")
            except OverError as error:
                return self._end_for(error)
            except SinkError as error:
                self._standing.down(f"{error}; trying again, the newest {self._most} wait")
                if self._lossless and time.monotonic() - began_s > _GIVE_UP_S:
                    return self._end_for(error)
            else:
                self._standing.up()
                return self._count("sent")
            if self._pause(pause_s):
                return None
            self._count("retried")
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _pause(self, seconds: float) -> bool:
        """Wait before the next try, shortly at the end; whether the time is up."""
        if not self._ending.wait(seconds):
            return False
        return self._hurried.wait(_FIRST_PAUSE_S)

    def _end_for(self, error: SinkError) -> None:
        with self._changed:
            self._over = error
            self._ending.set()
            self._changed.notify_all()

    def _count(self, counter: str) -> None:
        with self._changed:
            if not self._closed:
                self._counts[counter] += 1
