"""The engine, on a format of three bytes: 0x55, a counter below 16, their sum."""

import numpy as np
from numpy.typing import NDArray

from firmware_bridge.sliding import SlidingReader, Table


class Three(SlidingReader):
    def __init__(self) -> None:
        super().__init__(3, turn=16, head=b"\x55", longest_proof=3)

    def _looks(self, table: Table) -> NDArray[np.bool_]:
        return (table[:, 0] == 0x55) & (table[:, 1] < 16) & (table[:, 2] == table[:, 1] + 0x55)

    def _counters(self, table: Table) -> NDArray[np.int64]:
        return table[:, 1].astype(np.int64)

    def _proof(self, rejected: int | None, step: int) -> int:
        if rejected is None:
            return 3
        return 1 if rejected and step in (1, 2) else 2

    def counters(self, *chunks: bytes) -> list[int]:
        return [int(n) for chunk in chunks for run in self._find(chunk) for n in run[:, 1]]


def frame(n: int) -> bytes:
    return bytes([0x55, n % 16, 0x55 + n % 16])


def frames(*numbers: int) -> bytes:
    return b"".join(map(frame, numbers))


def test_frames_that_follow_each_other_are_taken() -> None:
    reader = Three()
    assert reader.counters(frames(*range(600))) == [n % 16 for n in range(600)]
    assert (reader.rejected_bytes, reader.resyncs, reader.malformed) == (0, 0, 0)


def test_the_first_frames_wait_for_their_proof() -> None:
    reader = Three()
    assert reader.counters(frames(4, 5)) == []
    assert reader.held_bytes == 6
    assert reader.counters(frames(6)) == [4, 5, 6]


def test_a_first_frame_without_proof_is_noise() -> None:
    reader = Three()
    assert reader.counters(frames(9), frames(4, 5, 6)) == [4, 5, 6]
    assert reader.rejected_bytes == 3


def test_a_step_of_the_counter_in_lock_waits_for_the_next_frame() -> None:
    reader = Three()
    assert reader.counters(frames(0, 1, 2, 9)) == [0, 1, 2]
    assert reader.counters(frames(10, 11)) == [9, 10, 11]
    assert reader.rejected_bytes == 0


def test_a_counter_that_both_neighbours_contradict_is_refused() -> None:
    reader = Three()
    assert reader.counters(frames(0, 1, 2, 9, 4, 5)) == [0, 1, 2, 4, 5]
    assert (reader.rejected_bytes, reader.resyncs, reader.malformed) == (3, 1, 1)


def test_noise_without_the_head_is_not_malformed() -> None:
    reader = Three()
    assert reader.counters(frames(0, 1, 2) + b"!!" + frames(3)) == [0, 1, 2, 3]
    assert (reader.rejected_bytes, reader.resyncs, reader.malformed) == (2, 1, 0)


def test_less_than_a_frame_of_noise_is_held() -> None:
    reader = Three()
    reader.counters(b"noise" * 1000)
    assert reader.held_bytes == 2
    assert reader.rejected_bytes == 4998


def test_long_noise_is_searched_to_its_end() -> None:
    reader = Three()
    noise = bytes(9000)
    assert reader.counters(frames(0, 1, 2) + noise + frames(3, 4)) == [0, 1, 2, 3, 4]
    assert reader.rejected_bytes == 9000
