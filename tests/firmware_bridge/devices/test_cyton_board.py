import numpy as np
import pytest

from firmware_bridge.devices.cyton import PACKET_BYTES, CytonReader
from firmware_bridge.devices.cyton_board import BANNER, CytonBoard
from firmware_bridge.frames import Wishes


def counters_and_rows(packets: list[bytes]) -> tuple[list[int], list[int]]:
    """Counter, and first channel (which holds the row number), of each packet."""
    runs = CytonReader().feed(b"".join(packets))
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


def test_a_channel_can_be_set_in_the_stream_without_a_reply(board: CytonBoard) -> None:
    board.answer(b"b")
    assert {board.answer(bytes([byte]))[0] for byte in b"x1040110X"} == {b""}
    board.frames(24)
    assert values(board) == [8] + [24] * 7


def test_a_stream_starts_at_counter_0_and_row_0(board: CytonBoard) -> None:
    board.answer(b"b")
    counters, rows = counters_and_rows(board.frames(300))
    assert counters == [n % 256 for n in range(300)]
    assert rows == list(range(300))


def test_after_a_stop_the_recording_goes_on_and_the_counter_starts_anew(board: CytonBoard) -> None:
    board.answer(b"b")
    board.frames(10)
    board.answer(b"s")
    assert not board.streaming
    board.answer(b"b")
    assert counters_and_rows(board.frames(2)) == ([0, 1], [10, 11])


def test_after_a_reset_the_recording_starts_anew(board: CytonBoard) -> None:
    board.answer(b"b")
    board.frames(10)
    board.answer(b"v")
    assert not board.streaming
    board.answer(b"b")
    assert counters_and_rows(board.frames(2)) == ([0, 1], [0, 1])


def test_at_the_end_nothing_more_comes(board: CytonBoard) -> None:
    assert [len(packet) for packet in board.frames(1000)] == [PACKET_BYTES] * 600
    assert board.finished
    assert board.frames(5) == []


def test_a_loop_goes_on_at_row_0_and_the_counter_does_not_jump() -> None:
    board = CytonBoard(numbered(3), loop=True)
    assert counters_and_rows(board.frames(7)) == ([0, 1, 2, 3, 4, 5, 6], [0, 1, 2, 0, 1, 2, 0])
    assert not board.finished


def test_after_a_loss_of_power_the_board_waits_and_the_world_has_gone_on(board: CytonBoard) -> None:
    board.answer(b"b")
    board.frames(10)
    assert board.restart() == BANNER
    assert not board.streaming
    board.answer(b"b")
    assert counters_and_rows(board.frames(2)) == ([0, 1], [10, 11])


def test_a_board_without_a_daisy_says_so(board: CytonBoard) -> None:
    assert board.answer(b"C")[0] == b"no daisy to attach!8$$$"


@pytest.mark.parametrize(
    ("setting", "reply"),
    [
        (b"x1060110X", b"Success: Channel set for 1$$$"),
        (b"x8000000X", b"Success: Channel set for 8$$$"),
        (b"x106X", b"Failure: too few chars$$$"),
        (b"x10601100", b"Failure: Err: 9th char not X$$$"),
    ],
)
def test_a_channel_setting_is_answered_when_it_is_whole(
    board: CytonBoard, setting: bytes, reply: bytes
) -> None:
    replies = [board.answer(setting[n : n + 1])[0] for n in range(len(setting))]
    assert replies == [b""] * (len(setting) - 1) + [reply]


def test_a_smaller_gain_gives_smaller_counts_until_the_defaults_are_back() -> None:
    board = CytonBoard(np.full((4, 8), 24_000, dtype=np.int32))
    for setting in (b"x1040110X", b"x2000110X"):  # gain 8, gain 1
        send(board, setting)
    assert values(board) == [8_000, 1_000] + [24_000] * 6
    send(board, b"d")
    assert values(board) == [24_000] * 8


def test_counts_of_a_smaller_gain_are_clipped_where_the_gain_is_larger() -> None:
    stream = CytonBoard.streams(Wishes(gain=1))
    board = CytonBoard(np.full((2, 8), 1_000_000, dtype=np.int32), stream)
    assert values(board) == [(1 << 23) - 1] * 8
    send(board, b"x1000110X")
    assert values(board)[0] == 1_000_000


def send(board: CytonBoard, commands: bytes) -> None:
    for n in range(len(commands)):
        board.answer(commands[n : n + 1])


def values(board: CytonBoard) -> list[int]:
    (run,) = CytonReader().feed(b"".join(board.frames(1)))
    return run.counts[0].tolist()


def test_a_board_without_data_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one row"):
        CytonBoard(numbered(0))
