import numpy as np
import pytest

from firmware_bridge.devices.cyton import PACKET_BYTES, CytonReader
from firmware_bridge.devices.cyton_board import BANNER, CytonBoard


def counters_and_rows(packets: bytes) -> tuple[list[int], list[int]]:
    """Counter, and first channel (which holds the row number), of each packet."""
    runs = CytonReader().feed(packets)
    return (
        [int(n) for run in runs for n in run.counter],
        [int(row[0]) for run in runs for row in run.counts],
    )


@pytest.fixture
def board() -> CytonBoard:
    return CytonBoard(numbered(600))


def numbered(n: int) -> np.ndarray:
    return np.repeat(np.arange(n, dtype=np.int32)[:, None], 8, axis=1)


def test_the_banner_is_that_of_the_firmware(board: CytonBoard) -> None:
    reply, delay_s = board.answer(b"v")
    assert reply == BANNER
    assert reply.startswith(b"OpenBCI V3 8-16 channel\nOn Board ADS1299 Device ID: 0x3E\n")
    assert reply.endswith(b"Firmware: v3.1.2\n$$$")
    assert delay_s == 0.5


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        (b"d", b"updating channel settings to default\n$$$"),
        (b"D", b"060110$$$"),
        (b"V", b"v3.1.5$$$"),
        (b"b", b""),
        (b"s", b""),
        (b"\n", b""),
    ],
)
def test_commands_are_answered_as_the_board_does(
    board: CytonBoard, command: bytes, reply: bytes
) -> None:
    assert board.answer(command)[0] == reply


def test_registers_end_like_every_reply(board: CytonBoard) -> None:
    reply, _ = board.answer(b"?")
    assert b"Board ADS Registers" in reply
    assert reply.endswith(b"$$$")


def test_no_reply_comes_into_the_stream(board: CytonBoard) -> None:
    board.answer(b"b")
    assert [board.answer(command)[0] for command in (b"d", b"D", b"V", b"?")] == [b""] * 4


def test_a_stream_starts_at_counter_0_and_row_0(board: CytonBoard) -> None:
    board.answer(b"b")
    counters, rows = counters_and_rows(board.packets(300))
    assert counters == [n % 256 for n in range(300)]
    assert rows == list(range(300))


def test_after_a_stop_the_recording_goes_on_and_the_counter_starts_anew(board: CytonBoard) -> None:
    board.answer(b"b")
    board.packets(10)
    board.answer(b"s")
    assert not board.streaming
    board.answer(b"b")
    assert counters_and_rows(board.packets(2)) == ([0, 1], [10, 11])


def test_after_a_reset_the_recording_starts_anew(board: CytonBoard) -> None:
    board.answer(b"b")
    board.packets(10)
    board.answer(b"v")
    assert not board.streaming
    board.answer(b"b")
    assert counters_and_rows(board.packets(2)) == ([0, 1], [0, 1])


def test_at_the_end_nothing_more_comes(board: CytonBoard) -> None:
    assert len(board.packets(1000)) == 600 * PACKET_BYTES
    assert board.finished
    assert board.packets(5) == b""


def test_a_loop_goes_on_at_row_0_and_the_counter_does_not_jump() -> None:
    board = CytonBoard(numbered(3), loop=True)
    assert counters_and_rows(board.packets(7)) == ([0, 1, 2, 3, 4, 5, 6], [0, 1, 2, 0, 1, 2, 0])
    assert not board.finished


def test_a_dropped_row_is_missing_and_the_counter_shows_it() -> None:
    board = CytonBoard(numbered(5), dropped=np.array([False, True, False, True, False]))
    assert counters_and_rows(board.packets(5)) == ([0, 2, 4], [0, 2, 4])
    assert (board.sent, board.lost_on_air) == (3, 2)


def test_a_board_without_data_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one row"):
        CytonBoard(numbered(0))
