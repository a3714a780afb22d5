"""Memory that the allocator keeps for later in, memory that the system has again out."""

import ctypes
import gc
import time
from collections.abc import Callable

from edgeemg.dsp.samples import Samples

_EVERY_S = 60.0
_MMAP_THRESHOLD = -3  # mallopt(3) of glibc, /usr/include/malloc.h
# onnxruntime then asks for pages anew in every inference for some tensors, microseconds each;
# with 128 KiB it does not, and a day with a hundred faults takes 1.6 MB more instead of 0.5
_LARGE_BYTES = 1 << 15


def begin_long_run() -> None:
    """Once all is loaded, before hours of work.

    Large blocks, as a model's, get pages of their own from now on and leave none behind; what libc
    cannot is left out. Objects that are there now are not looked through again for garbage: there
    are tens of thousands, and the loop would wait meanwhile.
    """
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        set_option(_MMAP_THRESHOLD, _LARGE_BYTES)
    gc.freeze()


def give_back_memory() -> None:
    """Hand free pages back, as after a model that is not used any more; nothing where libc cannot.

    Without it each bundle that is loaded again leaves some of its pages with the process:
    malloc_trim(3) of glibc.
    """
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


class UnusedMemory:
    """Watches a run, and hands free pages back every minute.

    Each outage leaves some behind, between others that are still used. Handing them back takes a
    fifth of a millisecond on a workstation.

    clock  monotonic seconds
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        give_back: Callable[[], None] = give_back_memory,
    ) -> None:
        self._clock = clock
        self._give_back = give_back
        self._due_s = clock() + _EVERY_S

    def see(self, samples: Samples) -> None:  # noqa: ARG002  # a watcher's signature
        """Called at least every 0.5 s: hands back when due."""
        now_s = self._clock()
        if now_s >= self._due_s:
            self._due_s = now_s + _EVERY_S
            self._give_back()

    def hear(self, said: object, verdict: object, latency_ms: float) -> None:
        """Nothing: time passes in `see`."""
