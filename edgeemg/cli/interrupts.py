"""Ctrl-C in, one line and exit code 130 out, whatever it hits: an import, a verb, the way out.

While modules load there is nothing to take back, and a KeyboardInterrupt would end in a traceback:
the process ends where it stands. Within a verb it is a KeyboardInterrupt, so that what the verb
began is taken back. A SIGINT that was ignored from the start, as of a job that a shell runs in the
background, stays ignored.

It is the first that a command loads, so it imports as little as it can.
"""

import os
import signal
import sys
from types import FrameType, TracebackType

EXIT_CODE = 128 + signal.SIGINT  # as shells count
SAYS = "interrupted"
_AGAIN_S = 0.05


def end_at_once() -> None:
    """From here on: nothing has been begun, or all is done."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


class Raised:
    """Within it Ctrl-C is a KeyboardInterrupt, and none is lost; behind it, as before."""

    def __enter__(self) -> None:
        self._ours = signal.getsignal(signal.SIGINT) is _end
        if self._ours:
            self._before, sys.unraisablehook = sys.unraisablehook, _raise_again
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._ours:
            signal.signal(signal.SIGINT, _end)
            sys.unraisablehook = self._before


def _end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  # signal's signature
    try:
        os.write(2, f"edgeemg: {SAYS}\n".encode())
    finally:  # where nobody reads it, too
        os._exit(EXIT_CODE)


def _raise_again(lost: "sys.UnraisableHookArgs") -> None:
    """Where it hit a finaliser or a callback of C, Python would print it and go on."""
    if not isinstance(lost.exc_value, KeyboardInterrupt):
        sys.__unraisablehook__(lost)
        return
    from threading import Timer, main_thread

    # not from here: it would be raised in this hook, and be lost again
    again = Timer(_AGAIN_S, signal.pthread_kill, (main_thread().ident, signal.SIGINT))
    again.daemon = True
    again.start()
