import os
import threading
import time

import numpy as np
import pytest

from edgeemg.errors import PortError
from firmware_bridge.devices.cyton import CYTON
from firmware_bridge.devices.cyton_board import BANNER, CytonBoard
from firmware_bridge.emulator import Emulator
from firmware_bridge.ports import Port
from firmware_bridge.sensor import Sensor, open_sensor


def hurried() -> float:
    """A clock that runs ten times too fast, so that a test need not wait out a time limit."""
    return time.monotonic() * 10


def collect(sensor: Sensor, n_rows: int, *, within_s: float = 10.0):
    """Samples until n_rows have come."""
    pieces, rows = [], 0
    end = time.monotonic() + within_s
    for samples in sensor:
        pieces.append(samples)
        rows += len(samples)
        if rows >= n_rows or time.monotonic() > end:
            return pieces
    raise AssertionError


def test_samples_arrive_with_the_host_time_of_their_read(board_counts) -> None:
    with Emulator(CytonBoard(board_counts(500)), speed=5) as emulator:
        before = time.monotonic()
        with open_sensor(emulator.port_name, "cyton") as sensor:
            pieces = [piece for piece in collect(sensor, 100) if len(piece)]
    arrived = [piece.arrived_s for piece in pieces]
    assert before < arrived[0]
    assert arrived == sorted(arrived)
    assert arrived[-1] <= time.monotonic()
    assert {piece.sample_rate_hz for piece in pieces} == {250.0}


def test_control_comes_back_while_nothing_is_sent(board_counts) -> None:
    with (
        Emulator(CytonBoard(board_counts(5)), speed=20) as emulator,
        open_sensor(emulator.port_name, "cyton") as sensor,
    ):
        collect(sensor, 5)
        start = time.monotonic()
        assert len(sensor.read()) == 0
        assert time.monotonic() - start < 0.4


def test_closing_stops_the_stream_and_frees_the_port(board_counts) -> None:
    board = CytonBoard(board_counts(100), loop=True)
    with Emulator(board, speed=5) as emulator:
        with open_sensor(emulator.port_name, "cyton") as sensor:
            collect(sensor, 20)
            assert board.streaming
        wait_for(lambda: not board.streaming)
        Port(emulator.port_name, 115200).close()


def test_a_board_that_was_left_streaming_starts_anew_at_row_0(board_counts) -> None:
    counts = board_counts(2000)
    board = CytonBoard(counts)
    with Emulator(board, speed=4, lossless=True) as emulator:
        left = open_sensor(emulator.port_name, "cyton")
        collect(left, 20)
        left._port.close()  # as a killed program does: without telling the board
        time.sleep(0.1)
        assert board.streaming
        with open_sensor(emulator.port_name, "cyton") as sensor:
            pieces = collect(sensor, 50)
            counters = sensor.counters
    index = np.concatenate([piece.index for piece in pieces])
    assert index.tolist() == list(range(len(index)))
    first = np.concatenate([piece.microvolts for piece in pieces])
    assert np.array_equal(
        first, (counts[: len(first)] * CYTON.microvolts_per_count).astype(np.float32)
    )
    assert (counters.lost, counters.rejected_bytes) == (0, 0)


def test_an_unknown_device_is_told_which_are_known() -> None:
    with pytest.raises(PortError, match="no device is called 'cytom'; known are: cyton"):
        open_sensor("/dev/null", "cytom")


def test_a_silent_port_is_named_with_what_to_check(terminal) -> None:
    start = time.monotonic()
    wanted = f"{terminal.name}: silent: wanted the reply .* to 'v', and no byte came in 3 s; check"
    with Port(terminal.name, 115200) as port, pytest.raises(PortError, match=wanted):
        Sensor(port, CYTON, clock=hurried)
    assert 0.3 <= time.monotonic() - start < 2


def test_a_failed_opening_frees_the_port(terminal) -> None:
    terminal.says(b"Failure: Communications timeout - Device failed to poll Host$$$")
    with pytest.raises(PortError) as error:
        open_sensor(terminal.name, "cyton")
    Port(terminal.name, 115200).close()
    assert error.value.__traceback__ is not None  # holds the first port: it was closed, not freed


def test_a_dongle_without_its_board_is_quoted(terminal) -> None:
    terminal.says(b"Failure: Communications timeout - Device failed to poll Host$$$")
    with pytest.raises(PortError, match=r"says 'Failure: Communications .*switch the board to PC"):
        open_sensor(terminal.name, "cyton")


def test_a_daisy_module_is_refused_and_not_misread(terminal) -> None:
    terminal.says(BANNER.replace(b"LIS3DH", b"On Daisy ADS1299 Device ID: 0x3E\nLIS3DH"))
    with pytest.raises(PortError, match="take the Daisy module off"):
        open_sensor(terminal.name, "cyton")


@pytest.mark.parametrize("text", [b"1937,18\r\n" * 40, b"\xa0\xc0$$$", bytes(range(256))])
def test_a_port_that_talks_nonsense_is_told_from_a_silent_one(terminal, text: bytes) -> None:
    terminal.says(text)
    port = Port(terminal.name, 115200)
    with pytest.raises(PortError, match=r"talks nonsense: .*\d+ bytes came .*115200 baud"):
        Sensor(port, CYTON, clock=hurried)
    port.close()


def test_a_stream_that_stops_is_a_port_error_after_three_seconds(board_counts) -> None:
    with (
        Emulator(CytonBoard(board_counts(30)), speed=10) as emulator,
        open_sensor(emulator.port_name, "cyton") as sensor,
    ):
        sensor._clock = hurried
        sensor._last_frame_s = hurried()
        start = time.monotonic()
        with pytest.raises(PortError, match="silent: wanted frames of OpenBCI Cyton"):
            for _ in sensor:
                pass
        assert 0.3 <= time.monotonic() - start < 2


def test_a_stream_that_goes_on_is_no_stall(board_counts) -> None:
    with (
        Emulator(CytonBoard(board_counts(500))) as emulator,
        open_sensor(emulator.port_name, "cyton") as sensor,
    ):
        sensor._clock = hurried
        sensor._last_frame_s = start = hurried()
        while hurried() < start + 5:
            sensor.read()
        assert sensor.counters.received > 50
        emulator.board.streaming = False
        while sensor.read():  # an empty read looks at the time since the last frame
            pass


def test_a_stream_that_turns_into_noise_is_a_port_error(terminal) -> None:
    heard = []

    def board() -> None:
        """Greets as a Cyton does, then sends no packet."""
        os.set_blocking(terminal.master, True)
        while b"b" not in heard:
            heard.append(command := os.read(terminal.master, 1))
            if command in (b"v", b"d"):
                reply = BANNER if command == b"v" else b"updating channel settings$$$"
                os.write(terminal.master, reply)
        for _ in range(12):
            os.write(terminal.master, b"\xa0 no packet ")
            time.sleep(0.05)

    thread = threading.Thread(target=board)
    thread.start()
    with open_sensor(terminal.name, "cyton") as sensor:
        sensor._clock = hurried
        sensor._last_frame_s = hurried()
        with pytest.raises(PortError, match=r"talks nonsense: wanted frames.* \d\d+ bytes came"):
            for _ in sensor:
                pass
        assert sensor.counters.rejected_bytes > 0
        assert sensor.counters.received == 0
    thread.join()
    assert heard == [b"s", b"v", b"d", b"b"]  # stopped first: it may be streaming


def test_a_simulator_that_ends_is_a_port_error(board_counts) -> None:
    with Emulator(CytonBoard(board_counts(500)), speed=2) as emulator:
        sensor = open_sensor(emulator.port_name, "cyton")
        collect(sensor, 10)
    with pytest.raises(PortError, match="lost in use"):
        collect(sensor, 10**6)
    sensor.close()


def wait_for(condition, within_s: float = 3.0) -> None:
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)
