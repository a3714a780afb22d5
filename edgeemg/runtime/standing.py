"""Failures and successes of one place in, one line for each change out."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress

_OFTEN = 5  # outages that are told one by one; a place that comes and goes is told less
_REST_S = 60.0  # between the others


class Standing:
    """Whether a place works, as people are told: once when it goes down, once when it is back.

    Any thread may call it.
    """

    def __init__(
        self, title: str, tell: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._title = title
        self._tell = tell
        self._clock = clock
        self._down_since_s: float | None = None
        self._told_since_s: float | None = None  # the same of an outage that was told
        self._outages = self._untold = 0
        self._rests_until_s = 0.0
        self._lock = threading.Lock()

    def down(self, why: str) -> None:
        """It does not work; told where it did, or where an outage that was not told lasts."""
        with self._lock:
            now_s = self._clock()
            if self._down_since_s is None:
                self._down_since_s = now_s
                self._outages += 1
                self._untold += 1
            is_told = self._told_since_s is not None
            if is_told or (self._outages > _OFTEN and now_s < self._rests_until_s):
                return
            self._rests_until_s = now_s + _REST_S
            self._told_since_s = self._down_since_s
            more, self._untold = self._untold - 1, 0
        self.say(f"{why} (and {more} times before)" if more else why)

    def up(self) -> None:
        """It works; told where the outage was."""
        with self._lock:
            since_s, self._down_since_s, self._told_since_s = self._told_since_s, None, None
        if since_s is not None:
            self.say(f"works again, after {self._clock() - since_s:.0f} s")

    def say(self, text: str) -> None:
        """One line about the place."""
        with suppress(OSError, ValueError):  # stderr may be gone; decisions must go on
            self._tell(f"sink {self._title}: {text}")
