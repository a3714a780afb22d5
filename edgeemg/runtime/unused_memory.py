"""Memory that the allocator keeps for later in, memory that the system has again out."""

import ctypes


def give_back_memory() -> None:
    """Hand free pages back, as after a model that is not used any more; nothing where libc cannot.

    Without it each bundle that is loaded again leaves some of its pages with the process:
    malloc_trim(3) of glibc.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
