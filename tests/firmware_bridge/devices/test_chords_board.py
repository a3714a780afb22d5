import numpy as np
import pytest

from edgeemg.errors import PortError
from firmware_bridge.devices.chords_board import ChordsBoard
from firmware_bridge.frames import Wishes


def board_of(wishes: Wishes = Wishes(), n: int = 40) -> ChordsBoard:  # noqa: B008  # it is frozen
    """A board that plays n rows, each with its number in every channel."""
    stream = ChordsBoard.streams(wishes)
    rows = np.arange(n, dtype=np.int32)[:, None]
    return ChordsBoard(np.repeat(rows, stream.n_channels, axis=1), stream)


def say(board: ChordsBoard, command: bytes) -> bytes:
    """What the board replies to these bytes."""
    return b"".join(board.answer(bytes([byte]))[0] for byte in command)


def test_a_chords_board_is_the_first_one_that_sends_as_many() -> None:
    stream = ChordsBoard.streams(Wishes(rate_hz=500, channels=8))
    assert (stream.n_channels, stream.highest_count) == (8, 4095)
    board = board_of(Wishes(rate_hz=500, channels=8))
    assert say(board, b"WHORU\n") == b"STM32F4-BLACK-PILL\r\n"
    with pytest.raises(PortError, match=r"no Chords board sends 8 channels at 999"):
        ChordsBoard.streams(Wishes(rate_hz=999, channels=8))


def test_a_chords_board_obeys_lines() -> None:
    board = board_of()
    assert say(board, b"WHORU\n") == b"UNO-R3\r\n"
    assert board.answer(b"\n") == (b"", 0.0)
    assert say(board, b"STATUS\n") == b"STOP\r\n"
    say(board, b"START\n")
    assert board.streaming
    assert board.frames(2)[1][2] == 1
    assert say(board, b"STATUS\n") == b"START\r\n"
    say(board, b"STOP\n")
    assert not board.streaming
