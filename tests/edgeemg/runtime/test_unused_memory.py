import gc
from pathlib import Path

import numpy as np

from edgeemg.dsp.samples import Samples
from edgeemg.runtime.unused_memory import UnusedMemory, begin_long_run, give_back_memory

NOTHING = Samples.contiguous(np.empty((0, 1)), 1.0)


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def test_what_was_freed_in_pieces_goes_back_to_the_system() -> None:
    pieces = [bytes(4000) for _ in range(20_000)]
    kept = pieces[-1:]  # on top of the heap: what lies below it is kept by the allocator
    pieces.clear()
    before = resident_bytes()
    give_back_memory()
    assert before - resident_bytes() > 20_000_000
    assert kept


def test_a_run_hands_free_pages_back_every_minute() -> None:
    now_s, given = [1000.0], []
    watcher = UnusedMemory(lambda: now_s[0], lambda: given.append(now_s[0]))
    for _ in range(3 * 120):
        now_s[0] += 0.5
        watcher.see(NOTHING)
    assert given == [1060.0, 1120.0, 1180.0]


def test_a_long_run_looks_through_what_comes_and_not_through_what_was_there() -> None:
    before = len(gc.get_objects())
    begin_long_run()
    try:
        assert gc.get_freeze_count() > 0.9 * before
        assert len(gc.get_objects()) < 0.1 * before
    finally:
        gc.unfreeze()
