import numpy as np

from firmware_bridge.devices import spikerbox
from firmware_bridge.devices.spikerbox_board import SpikerboxBoard
from firmware_bridge.frames import Wishes


def board_of(wishes: Wishes = Wishes(), n: int = 40) -> SpikerboxBoard:  # noqa: B008  # it is frozen
    """A board that plays n rows, each with its number in every channel."""
    stream = SpikerboxBoard.streams(wishes)
    rows = np.arange(n, dtype=np.int32)[:, None]
    return SpikerboxBoard(np.repeat(rows, stream.n_channels, axis=1), stream)


def say(board: SpikerboxBoard, command: bytes) -> bytes:
    """What the board replies to these bytes."""
    return b"".join(board.answer(bytes([byte]))[0] for byte in command)


def test_a_spikershield_says_its_name_inside_the_stream() -> None:
    board = board_of()
    assert board.streaming
    reply = spikerbox.MESSAGE_BEGINS + b"HWT:MUSCLESS;" + spikerbox.MESSAGE_ENDS
    assert say(board, b"conf s:10000;c:2;\nb:;\n") == reply
    board.restart()
    assert board.streaming
