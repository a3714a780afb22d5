from pathlib import Path

from edgeemg.runtime.unused_memory import give_back_memory


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
