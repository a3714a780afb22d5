import numpy as np

from firmware_bridge.devices.umyo_board import UmyoBoard
from firmware_bridge.frames import Wishes


def board_of(wishes: Wishes = Wishes(), n: int = 40) -> UmyoBoard:  # noqa: B008  # it is frozen
    """A board that plays n rows, each with its number in every channel."""
    stream = UmyoBoard.streams(wishes)
    rows = np.arange(n, dtype=np.int32)[:, None]
    return UmyoBoard(np.repeat(rows, stream.n_channels, axis=1), stream)


def test_a_umyo_plays_whole_records() -> None:
    board = board_of(n=27)
    assert len(board.frames(100)) == 3
    assert board.finished
    assert board.sent == 24
