"""Signals and a time limit in; a stream that ends, or a bundle that is to be loaded again, out."""

import math
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from types import FrameType, TracebackType
from typing import Self

from edgeemg.dsp.samples import Samples


class Stop:
    """Ends a stream when SIGINT or SIGTERM comes, or when the time is over.

    reloads  SIGHUP asks for the bundle anew, except at a terminal: there it means that the terminal
             went. Where nothing is to be loaded again it ends the stream, as it does everywhere,
             or does nothing where that was asked for (nohup).
    """

    def __init__(self, seconds: float | None = None, *, reloads: bool = False) -> None:
        self._reloads = reloads
        self._most_s = math.inf if seconds is None else seconds
        self._ends_s: float | None = None
        self._begun = False
        self._asked = False
        self._reload = False
        self._before: dict[int, signal._HANDLER] = {}

    def __enter__(self) -> Self:
        self._take(signal.SIGINT, self._ask)
        self._take(signal.SIGTERM, self._ask)
        at_terminal = sys.stderr is not None and sys.stderr.isatty()
        if self._reloads and not at_terminal:
            self._take(signal.SIGHUP, self._ask_reload)
        elif signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            self._take(signal.SIGHUP, self._ask)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @property
    def asked(self) -> bool:
        """Whether a signal came."""
        return self._asked

    def take_reload(self) -> bool:
        """Whether a bundle is to be loaded again; True once for each time that it was asked."""
        asked, self._reload = self._reload, False
        return asked and not self._over()

    def until(self, source: Iterable[Samples]) -> Iterator[Samples]:
        """The source until it ends, is to stop, or the bundle is to be loaded again.

        Time counts from the first sample of the first source; where none comes, from here.
        """
        if self._ends_s is None:
            self._ends_s = time.monotonic() + self._most_s
        for samples in source:
            if not self._begun and len(samples):
                self._ends_s, self._begun = time.monotonic() + self._most_s, True
            yield samples
            if self._reload or self._over():
                return

    def _over(self) -> bool:
        return self._asked or (self._ends_s is not None and time.monotonic() >= self._ends_s)

    def _take(self, number: int, handler: "signal._HANDLER") -> None:
        self._before[number] = signal.signal(number, handler)

    def _ask(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002  # signal's signature
        self._asked = True

    def _ask_reload(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002  # the same
        self._reload = True
