import numpy as np
import pytest

from firmware_bridge.devices import spikerbox
from firmware_bridge.devices.spikerbox_board import SpikerboxBoard
from firmware_bridge.emulator import Emulator
from firmware_bridge.frames import Wishes
from firmware_bridge.sensor import open_sensor


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


@pytest.mark.parametrize("kind", spikerbox.KINDS[::3], ids=lambda one: one.name)
def test_a_board_that_streams_all_the_time_is_known_by_its_name(kind: spikerbox.Kind) -> None:
    """5,000 to 10,000 samples a second come before and behind its reply."""
    stream = spikerbox.stream_of(kind, 1)
    counts = np.arange(60_000, dtype=np.int32)[:, None] % stream.highest_count
    device = spikerbox.spikerbox(Wishes())
    with (
        Emulator(SpikerboxBoard(counts, stream, loop=True)) as emulator,
        open_sensor(emulator.port_name, device) as sensor,
    ):
        assert sensor.stream == stream
        assert sensor.about == kind.name
