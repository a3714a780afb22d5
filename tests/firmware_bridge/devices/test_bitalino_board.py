import numpy as np

from firmware_bridge.devices.bitalino_board import BitalinoBoard
from firmware_bridge.frames import Wishes


def board_of(wishes: Wishes = Wishes(), n: int = 40) -> BitalinoBoard:  # noqa: B008  # it is frozen
    """A board that plays n rows, each with its number in every channel."""
    stream = BitalinoBoard.streams(wishes)
    rows = np.arange(n, dtype=np.int32)[:, None]
    return BitalinoBoard(np.repeat(rows, stream.n_channels, axis=1), stream)


def say(board: BitalinoBoard, command: bytes) -> bytes:
    """What the board replies to these bytes."""
    return b"".join(board.answer(bytes([byte]))[0] for byte in command)


def test_a_bitalino_answers_its_version_when_it_is_idle() -> None:
    board = board_of()
    assert say(board, b"\x07") == b"BITalino_v5.2\n"
    say(board, b"\xc3\x3d")
    assert board.streaming
    assert say(board, b"\x07") == b""
    say(board, b"\x00")
    assert not board.streaming
