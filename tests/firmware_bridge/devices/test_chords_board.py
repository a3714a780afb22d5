import time

import numpy as np
import pytest

from edgeemg.errors import PortError
from firmware_bridge.devices.chords import chords
from firmware_bridge.devices.chords_board import ChordsBoard
from firmware_bridge.emulator import Emulator
from firmware_bridge.frames import Wishes
from firmware_bridge.sensor import open_sensor


def board_of(wishes: Wishes = Wishes(), n: int = 40) -> ChordsBoard:  # noqa: B008  # it is frozen
    """A board that plays n rows, each with its number in every channel."""
    stream = ChordsBoard.streams(wishes)
    rows = np.arange(n, dtype=np.int32)[:, None]
    return ChordsBoard(np.repeat(rows, stream.n_channels, axis=1), stream)


def say(board: ChordsBoard, command: bytes) -> bytes:
    """What the board replies to these bytes, once they are over."""
    for byte in command:
        assert board.answer(bytes([byte])) == (b"", 0.0)
    board._heard_s = -1e9
    return board.idle()


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
    assert board.idle() == b""
    assert say(board, b"STOP\nWHORU\n") == b"UNKNOWN COMMAND\r\n"
    assert say(board, b"STATUS\n") == b"STOP\r\n"
    say(board, b"START\n")
    assert board.streaming
    assert board.frames(2)[1][2] == 1
    assert say(board, b"STATUS\n") == b"START\r\n"
    say(board, b"STOP\n")
    assert not board.streaming


def test_a_command_lasts_until_nothing_more_comes() -> None:
    board = board_of(Wishes(rate_hz=500, channels=8))
    board.answer(b"S")
    assert board.idle() == b""
    deadline = time.monotonic() + 5
    while not (reply := board.idle()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert reply == b"UNKNOWN COMMAND\r\n"


class Heard(ChordsBoard):
    """Keeps what it replied."""

    replies = b""

    def idle(self) -> bytes:
        reply = super().idle()
        self.replies += reply
        return reply


def test_the_greeting_keeps_commands_apart() -> None:
    """Of a board that waits for a tenth of a second: ten times as long is left between them."""
    quick = board_of(Wishes(rate_hz=500, channels=16), 20_000)
    board = Heard(quick._counts, quick.stream)
    with Emulator(board) as emulator, open_sensor(emulator.port_name, chords(Wishes())):
        assert board.replies == b"STM32G4-CORE-BOARD\r\n"


@pytest.mark.parametrize("channels", [6, 16], ids=["a second", "a tenth"])
@pytest.mark.parametrize("left_streaming", [False, True])
def test_a_board_is_found_whatever_it_did(channels: int, left_streaming: bool) -> None:
    rate_hz = 250 if channels == 6 else 500
    board = board_of(Wishes(rate_hz=rate_hz, channels=channels), 20_000)
    board.streaming = left_streaming
    with (
        Emulator(board) as emulator,
        open_sensor(emulator.port_name, chords(Wishes())) as sensor,
    ):
        assert sensor.stream == board.stream
        assert sensor.about == board._kind.name
        while not sensor.counters.received:
            sensor.read()
