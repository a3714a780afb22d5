from dataclasses import replace

import numpy as np
import pytest

from firmware_bridge.boards import microvolts_to_counts
from firmware_bridge.devices import find_device
from firmware_bridge.devices.edgeemg import EdgeemgReader
from firmware_bridge.devices.edgeemg_board import EdgeemgBoard
from firmware_bridge.devices.edgeemg_frames import Info, decode
from firmware_bridge.emulator import Emulator
from firmware_bridge.faults import Faults
from firmware_bridge.frames import Frames, Wishes
from firmware_bridge.sensor import open_sensor

STREAM = EdgeemgBoard.streams(Wishes())


def numbered(n: int) -> np.ndarray:
    return np.repeat(np.arange(n, dtype=np.int32)[:, None], 4, axis=1)


@pytest.fixture
def board() -> EdgeemgBoard:
    return EdgeemgBoard(numbered(5000), STREAM)


def started(board: EdgeemgBoard) -> EdgeemgReader:
    reader = EdgeemgReader(board.answer(b"s")[0] + board.answer(b"i")[0])
    reader.feed(board.answer(b"b")[0])
    return reader


def read(reader: EdgeemgReader, frames: list[bytes]) -> list[Frames]:
    return reader.feed(b"".join(frames))


def numbers(runs: list[Frames]) -> list[int]:
    return [int(n) for run in runs for n in run.counter]


def rows(runs: list[Frames]) -> list[int]:
    return [int(row[0]) for run in runs for row in run.counts]


def infos(wire: bytes) -> list[Info]:
    said = [decode(piece) for piece in wire.split(b"\0") if piece]
    return [one for one in said if isinstance(one, Info)]


def test_every_command_is_answered_with_the_state_that_it_led_to(board: EdgeemgBoard) -> None:
    said = [infos(board.answer(command)[0])[0].streaming for command in (b"i", b"b", b"i", b"s")]
    assert said == [False, True, True, False]


@pytest.mark.parametrize("command", [b"x", b"\0", b"\n"])
def test_what_is_no_command_is_passed_over(board: EdgeemgBoard, command: bytes) -> None:
    assert board.answer(command) == (b"", 0.0)


def test_a_stream_starts_at_index_0_and_row_0(board: EdgeemgBoard) -> None:
    runs = read(started(board), board.frames(1000))
    assert numbers(runs) == rows(runs) == list(range(1000))


def test_what_info_says_is_what_the_board_was_made_for(board: EdgeemgBoard) -> None:
    assert started(board).stream == STREAM
    wished = Wishes(rate_hz=250.0, channels=8)
    eight = EdgeemgBoard(np.zeros((10, 8), np.int32), EdgeemgBoard.streams(wished))
    stream = started(eight).stream
    assert stream == replace(STREAM, sample_rate_hz=250.0, n_channels=8)


def test_info_comes_every_two_seconds_of_samples(board: EdgeemgBoard) -> None:
    board.answer(b"b")
    beacons = infos(b"".join(board.frames(5000)))
    assert [one.time_us for one in beacons] == [0, 2_000_000, 4_000_000]
    assert all(one.streaming for one in beacons)


def test_whole_frames_are_sent_and_the_last_one_may_be_short(board: EdgeemgBoard) -> None:
    assert board.samples_per_frame == 10
    assert len(board.frames(25)) == 2
    runs = read(started(board), board.frames(10_000))
    assert rows(runs)[-1] == 4999
    assert board.finished
    assert len(EdgeemgBoard(numbered(13), STREAM).frames(20)) == 2


def test_an_entry_is_the_frame_of_its_samples_so_that_a_drop_drops_those(
    board: EdgeemgBoard,
) -> None:
    reader = started(board)
    frames = board.frames(100)
    runs = read(reader, frames[1:5] + frames[6:])
    assert numbers(runs) == [*range(10, 50), *range(60, 100)]


def test_the_index_goes_on_through_a_stop(board: EdgeemgBoard) -> None:
    started(board)
    board.frames(30)
    runs = read(started(board), board.frames(10))
    assert numbers(runs) == rows(runs) == list(range(30, 40))


def test_a_boot_has_another_id_and_begins_at_0_while_the_world_goes_on(
    board: EdgeemgBoard,
) -> None:
    reader = started(board)
    read(reader, board.frames(30))
    said = board.restart()
    assert not board.streaming
    assert said.startswith(b"\0")
    assert reader.feed(said + board.answer(b"b")[0]) == []
    runs = read(reader, board.frames(10))
    assert [run.restarted for run in runs] == [True]
    assert (numbers(runs), rows(runs)) == (list(range(10)), list(range(30, 40)))
    assert reader.malformed == 0


def test_a_loop_goes_on_at_row_0_and_the_index_does_not_jump() -> None:
    board = EdgeemgBoard(numbered(13), STREAM, loop=True)
    runs = read(started(board), board.frames(40))
    assert numbers(runs) == list(range(40))
    assert rows(runs) == [n % 13 for n in range(40)]


def test_microvolts_come_back_to_half_a_count(board: EdgeemgBoard) -> None:
    microvolts = np.random.default_rng(0).normal(0, 300, (500, 4))
    counts = microvolts_to_counts(microvolts, STREAM)
    (run,) = read(started(EdgeemgBoard(counts, STREAM)), EdgeemgBoard(counts, STREAM).frames(500))
    scale = STREAM.microvolts_per_count
    assert np.abs(run.counts * scale - microvolts).max() <= scale / 2 * 1.001


def test_a_value_that_is_not_known_is_sent_as_the_lower_rail() -> None:
    counts = microvolts_to_counts([[np.nan, 0.0, 1e9, -1e9]], STREAM)
    board = EdgeemgBoard(counts, STREAM)
    (run,) = read(started(board), board.frames(10))
    assert run.counts.tolist() == [[-(1 << 23), 0, (1 << 23) - 1, -(1 << 23)]]


def test_index_and_clock_wrap_at_32_bits() -> None:
    board = EdgeemgBoard(numbered(100), STREAM)
    reader = started(board)
    board.counter = (1 << 32) - 15
    runs = read(reader, board.frames(30))
    assert numbers(runs) == [n % (1 << 32) for n in range((1 << 32) - 15, (1 << 32) + 15)]


@pytest.mark.parametrize(
    "faults", [Faults(), Faults(drop=0.1, seed=1), Faults(flip=1e-3, insert=1e-3, seed=2)]
)
def test_through_a_port_every_sample_is_received_or_reported_lost(faults: Faults) -> None:
    board = EdgeemgBoard(numbered(1500), STREAM)
    emulator = Emulator(board, faults=faults)
    index: list[int] = []
    values: list[int] = []
    with emulator, open_sensor(emulator.port_name, find_device("edgeemg")) as sensor:
        for samples in sensor:
            index += samples.index.tolist()
            values += np.rint(samples.microvolts[:, 0] / STREAM.microvolts_per_count).tolist()
            if board.finished and not len(samples):
                break
    counters = sensor.counters
    assert index == values  # a row holds its own number
    assert counters.received == len(index)
    first, last = index[0], index[-1]
    assert counters.received + counters.lost == last - first + 1
    # before the first frame that arrives, and behind the last, nothing can be missed
    assert first <= 50
    assert last >= 1450
    damage = emulator.line.flipped_bytes + emulator.line.inserted_bytes
    damage += emulator.overflowed_bytes
    assert counters.lost <= emulator.lost_samples + damage * board.samples_per_frame
    assert (counters.lost > 0) == (faults != Faults())
