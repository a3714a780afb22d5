import numpy as np

from firmware_bridge.devices.text_board import TextBoard
from firmware_bridge.frames import Wishes


def board_of(wishes: Wishes = Wishes(), n: int = 40) -> TextBoard:  # noqa: B008  # it is frozen
    """A board that plays n rows, each with its number in every channel."""
    stream = TextBoard.streams(wishes)
    rows = np.arange(n, dtype=np.int32)[:, None]
    return TextBoard(np.repeat(rows, stream.n_channels, axis=1), stream)


def test_a_text_board_prints_its_clock_and_its_banner_after_a_restart() -> None:
    board = board_of(Wishes(channels=3))
    assert board.frames(2) == [b"0,0,0,0\r\n", b"4,1,1,1\r\n"]
    assert board.restart() == b"READY\r\n"
    assert board.streaming
    assert board.frames(1) == [b"0,2,2,2\r\n"]


def test_a_text_board_counts_microseconds_where_it_must() -> None:
    board = board_of(Wishes(rate_hz=400, channels=1))
    assert board.frames(2)[1].startswith(b"2500,")
