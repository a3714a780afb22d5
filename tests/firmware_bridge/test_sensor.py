import os
import threading
import time
from collections.abc import Generator
from dataclasses import replace

import numpy as np
import pytest

from edgeemg.errors import PortError
from firmware_bridge.devices import find_device
from firmware_bridge.devices.cyton import STREAM, CytonReader
from firmware_bridge.devices.cyton_board import BANNER, BANNER_WITH_DAISY, CytonBoard
from firmware_bridge.emulator import Emulator
from firmware_bridge.faults import Faults
from firmware_bridge.frames import Device
from firmware_bridge.ports import Port
from firmware_bridge.reopening import Patience
from firmware_bridge.sensor import Sensor, State, open_sensor

CYTON = find_device("cyton")
BRIEF = Patience(stale_s=0.2, lost_s=0.6, first_s=0.02, most_s=0.1)


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
        with open_sensor(emulator.port_name, CYTON, reconnect=False) as sensor:
            pieces = [piece for piece in collect(sensor, 100) if len(piece)]
    arrived = [piece.arrived_s for piece in pieces]
    assert before < arrived[0]
    assert arrived == sorted(arrived)
    assert arrived[-1] <= time.monotonic()
    assert {piece.sample_rate_hz for piece in pieces} == {250.0}


def test_control_comes_back_while_nothing_is_sent(board_counts) -> None:
    with (
        Emulator(CytonBoard(board_counts(5)), speed=20) as emulator,
        open_sensor(emulator.port_name, CYTON, reconnect=False) as sensor,
    ):
        collect(sensor, 5)
        start = time.monotonic()
        assert len(sensor.read()) == 0
        assert time.monotonic() - start < 0.4


def test_closing_stops_the_stream_and_frees_the_port(board_counts) -> None:
    board = CytonBoard(board_counts(100), loop=True)
    with Emulator(board, speed=5) as emulator:
        with open_sensor(emulator.port_name, CYTON, reconnect=False) as sensor:
            collect(sensor, 20)
            assert board.streaming
        wait_for(lambda: not board.streaming)
        Port(emulator.port_name, 115200).close()


def test_a_board_that_was_left_streaming_starts_anew_at_row_0(board_counts) -> None:
    counts = board_counts(2000)
    board = CytonBoard(counts)
    with Emulator(board, speed=4, lossless=True) as emulator:
        left = open_sensor(emulator.port_name, CYTON, reconnect=False)
        collect(left, 20)
        left._port.close()  # as a killed program does: without telling the board
        time.sleep(0.1)
        assert board.streaming
        with open_sensor(emulator.port_name, CYTON, reconnect=False) as sensor:
            pieces = collect(sensor, 50)
            counters = sensor.counters
    index = np.concatenate([piece.index for piece in pieces])
    assert index.tolist() == list(range(len(index)))
    first = np.concatenate([piece.microvolts for piece in pieces])
    assert np.array_equal(
        first, (counts[: len(first)] * STREAM.microvolts_per_count).astype(np.float32)
    )
    assert (counters.lost, counters.rejected_bytes) == (0, 0)


def test_a_silent_port_is_named_with_what_to_check(terminal) -> None:
    start = time.monotonic()
    wanted = f"{terminal.name}: silent: wanted the reply .* to 'v', and no byte came in .* s; check"
    with pytest.raises(PortError, match=wanted):
        open_sensor(terminal.name, CYTON, clock=hurried)
    assert 0.3 <= time.monotonic() - start < 2


def test_a_failed_opening_frees_the_port(terminal) -> None:
    terminal.says(b"Failure: Communications timeout - Device failed to poll Host$$$")
    with pytest.raises(PortError) as error:
        open_sensor(terminal.name, CYTON)
    Port(terminal.name, 115200).close()
    assert error.value.__traceback__ is not None  # holds the first port: it was closed, not freed


def test_a_dongle_without_its_board_is_quoted(terminal) -> None:
    terminal.says(b"Failure: Communications timeout - Device failed to poll Host$$$")
    with pytest.raises(PortError, match=r"says 'Failure: Communications .*switch the board to PC"):
        open_sensor(terminal.name, CYTON)


def test_a_daisy_module_is_refused_and_not_misread(terminal) -> None:
    terminal.says(BANNER_WITH_DAISY)
    with pytest.raises(PortError, match="use --device cyton-daisy"):
        open_sensor(terminal.name, CYTON)


@pytest.mark.parametrize("text", [b"1937,18\r\n" * 40, b"\xa0\xc0$$$", bytes(range(256))])
def test_a_port_that_talks_nonsense_is_told_from_a_silent_one(terminal, text: bytes) -> None:
    terminal.says(text)
    with pytest.raises(PortError, match=r"talks nonsense: .*\d+ bytes came .*115200 baud"):
        open_sensor(terminal.name, CYTON, clock=hurried)


def test_a_stream_that_stops_is_a_port_error_where_it_is_not_to_be_looked_for(
    board_counts,
) -> None:
    told: list[str] = []
    with (
        Emulator(CytonBoard(board_counts(30)), speed=10) as emulator,
        open_sensor(
            emulator.port_name, CYTON, reconnect=False, patience=BRIEF, tell=told.append
        ) as sensor,
    ):
        with pytest.raises(PortError, match=r"silent: wanted frames of OpenBCI Cyton.* 0\.6 s"):
            for _ in sensor:
                pass
        assert sensor.counters.stalls == 1
    assert [one.split(": ")[1] for one in told] == ["stale"]


def test_a_stream_that_turns_into_noise_is_a_port_error(terminal) -> None:
    heard: list[bytes] = []
    thread = threading.Thread(target=noisy_board, args=(terminal, heard))
    thread.start()
    with open_sensor(terminal.name, CYTON, reconnect=False, patience=BRIEF) as sensor:
        with pytest.raises(PortError, match=r"talks nonsense: wanted frames.* \d\d+ bytes came"):
            for _ in sensor:
                pass
        assert sensor.counters.rejected_bytes > 0
        assert sensor.counters.received == 0
    thread.join()
    assert heard == [b"s", b"v", b"d", b"b"]  # stopped first: it may be streaming


def noisy_board(terminal, heard: list[bytes]) -> None:
    """Greets as a Cyton does, then sends no packet."""
    os.set_blocking(terminal.master, True)
    while b"b" not in heard:
        heard.append(command := os.read(terminal.master, 1))
        if command in (b"v", b"d"):
            reply = BANNER if command == b"v" else b"updating channel settings$$$"
            os.write(terminal.master, reply)
    for _ in range(20):
        os.write(terminal.master, b"\xa0 no packet ")
        time.sleep(0.05)


def test_a_simulator_that_ends_is_a_port_error(board_counts) -> None:
    with Emulator(CytonBoard(board_counts(500)), speed=2) as emulator:
        sensor = open_sensor(emulator.port_name, CYTON, reconnect=False)
        collect(sensor, 10)
    with pytest.raises(PortError, match="lost in use"):
        collect(sensor, 10**6)
    sensor.close()


def test_a_sensor_that_falls_silent_and_goes_on_is_told_twice_and_poked(board_counts) -> None:
    told: list[str] = []
    board = CytonBoard(board_counts(2000), loop=True)
    with (
        Emulator(board) as emulator,
        open_sensor(
            emulator.port_name,
            replace(CYTON, poke=b"b"),
            tell=told.append,
            patience=replace(BRIEF, lost_s=30),
        ) as sensor,
    ):
        collect(sensor, 50)
        board.streaming = False
        until(sensor, lambda: sensor.state is State.STALE)
        until(sensor, lambda: board.streaming)  # it was asked to go on
        pieces = collect(sensor, 50)
        assert sensor.state is State.CONNECTED
    assert [one.split(": ")[1] for one in told] == ["stale", "connected"]
    counters = sensor.counters
    assert (counters.stalls, counters.reconnects) == (1, 0)
    rows = int(pieces[-1].index[-1]) + 1
    assert rows == counters.received + counters.lost + counters.lost_in_outages
    assert counters.lost_in_outages >= 40  # 0.2 s: the counter itself began at 0 again


def test_a_sensor_that_stays_silent_is_opened_anew(board_counts) -> None:
    told: list[str] = []
    board = CytonBoard(board_counts(2000), loop=True)
    silent = replace(CYTON, poke=b"")
    with (
        Emulator(board) as emulator,
        open_sensor(emulator.port_name, silent, tell=told.append, patience=BRIEF) as sensor,
    ):
        collect(sensor, 50)
        board.streaming = False
        until(sensor, lambda: sensor.state is State.LOST)
        until(sensor, lambda: sensor.state is State.CONNECTED)
        collect(sensor, 50)
    assert [one.split(": ")[1] for one in told] == ["stale", "lost", "connected"]
    assert (sensor.counters.stalls, sensor.counters.reconnects) == (1, 1)


def test_a_sensor_that_is_plugged_in_again_goes_on_in_the_same_iteration(
    board_counts, tmp_path
) -> None:
    """The link is to another terminal then, as /dev/serial/by-id is to another ttyUSBn."""
    told: list[str] = []
    link, faults = tmp_path / "emg", Faults(unplug_every_s=0.6, unplug_s=0.5)
    board = CytonBoard(board_counts(2000), loop=True)
    emulator = Emulator(board, link=link, faults=faults)
    with (
        emulator,
        open_sensor(str(link), CYTON, tell=told.append, patience=BRIEF) as sensor,
    ):
        pieces, steps_s = [], []
        samples = iter(sensor)
        while sensor.counters.reconnects < 1 or sensor.state is not State.CONNECTED:
            start = time.monotonic()
            pieces.append(next(samples))
            steps_s.append(time.monotonic() - start)
        pieces += collect(sensor, 20)
        counters = sensor.counters
    assert np.median(steps_s) < 0.2  # control came back all the time
    index = np.concatenate([piece.index for piece in pieces])
    assert (np.diff(index) > 0).all()
    assert len(index) == counters.received
    assert index[-1] - index[0] + 1 == (
        counters.received + counters.lost + counters.lost_in_outages
    )
    assert counters.lost_in_outages > 100
    states = [one.split(": ")[1] for one in told]
    assert states[0] == "lost"
    assert states.count("connected") == counters.reconnects
    assert states.count("still waiting") <= 3 * counters.reconnects  # no flood


def test_another_sensor_in_its_place_ends_it(board_counts, tmp_path) -> None:
    streams = iter([STREAM, replace(STREAM, sample_rate_hz=500.0)])

    def reader(_: bytes) -> CytonReader:
        made = CytonReader()
        made.stream = next(streams)
        return made

    link, faults = tmp_path / "emg", Faults(unplug_every_s=0.5, unplug_s=0.3)
    emulator = Emulator(CytonBoard(board_counts(2000), loop=True), link=link, faults=faults)
    with (
        emulator,
        open_sensor(str(link), replace(CYTON, reader=reader), patience=BRIEF) as sensor,
        pytest.raises(PortError, match=r"another sensor.*sample_rate_hz 250.0 and now 500.0"),
    ):
        collect(sensor, 10**6)


def test_a_sensor_that_is_gone_can_be_closed(board_counts, tmp_path) -> None:
    with Emulator(CytonBoard(board_counts(500)), link=tmp_path / "emg") as emulator:
        assert emulator.port_name
        sensor = open_sensor(str(tmp_path / "emg"), CYTON, patience=BRIEF)
        collect(sensor, 10)
    until(sensor, lambda: sensor.state is State.LOST)
    for _ in range(5):
        assert len(sensor.read()) == 0
    sensor.close()
    sensor.close()


def test_a_reader_that_hangs_in_a_replug_does_not_keep_it_from_closing(board_counts) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def hang() -> Generator[None, None, None]:
        inside.set()
        go_on.wait(30)
        yield

    with Emulator(CytonBoard(board_counts(500))) as emulator:
        sensor = open_sensor(emulator.port_name, CYTON)
        farewell, sensor._reopening = sensor._port.close, hang()
        reader = threading.Thread(target=lambda: next(sensor._reopening))
        reader.start()
        assert inside.wait(30)
        sensor.close()
        go_on.set()
        reader.join()
        farewell()


def test_what_a_reader_counted_before_a_replug_is_kept(board_counts, tmp_path) -> None:
    link, faults = tmp_path / "emg", Faults(flip=0.002, seed=3, unplug_every_s=1, unplug_s=0.2)
    board = CytonBoard(board_counts(2000), loop=True)
    with (
        Emulator(board, link=link, faults=faults),
        open_sensor(str(link), CYTON, patience=BRIEF) as sensor,
    ):
        rejected = []
        while sensor.counters.reconnects < 1:
            sensor.read()
            rejected.append(sensor.counters.rejected_bytes)
        collect(sensor, 5)
        rejected.append(sensor.counters.rejected_bytes)
    assert rejected == sorted(rejected)


def test_a_sensor_without_a_counter_says_that_loss_cannot_be_seen(board_counts) -> None:
    def reader(_: bytes) -> CytonReader:
        made = CytonReader()
        made.stream = replace(STREAM, turn=0)
        return made

    told: list[str] = []
    blind = replace(CYTON, reader=reader, loss="it has no counter")
    with (
        Emulator(CytonBoard(board_counts(500)), speed=5) as emulator,
        open_sensor(emulator.port_name, blind, tell=told.append) as sensor,
    ):
        pieces = collect(sensor, 20)
    assert told == [f"{emulator.port_name}: OpenBCI Cyton: it has no counter"]
    assert np.concatenate([piece.index for piece in pieces])[:20].tolist() == list(range(20))


def test_a_sensor_that_says_nothing_when_greeted_is_only_open_when_frames_come(terminal) -> None:
    mute: Device = replace(CYTON, hello=())
    with pytest.raises(PortError, match="silent: wanted frames of OpenBCI Cyton"):
        open_sensor(terminal.name, mute, clock=hurried)
    Port(terminal.name, 115200).close()


def test_its_link_names_the_port_and_its_speed(board_counts) -> None:
    with (
        Emulator(CytonBoard(board_counts(100)), speed=10) as emulator,
        open_sensor(emulator.port_name, CYTON) as sensor,
    ):
        assert sensor.link == f"{emulator.port_name} at 115200 baud"
        assert sensor.drift_ppm() is None


def test_a_clock_that_is_far_off_is_told_once(board_counts) -> None:
    """Ten times as fast, both of them, so that thirty seconds take three."""
    told: list[str] = []
    board = CytonBoard(board_counts(2000), loop=True)
    patient = Patience(stale_s=60, lost_s=120)
    with (
        Emulator(board, speed=10, faults=Faults(clock_ppm=3e4)) as emulator,
        open_sensor(
            emulator.port_name, CYTON, tell=told.append, patience=patient, clock=hurried
        ) as sensor,
    ):
        until(sensor, lambda: told)
        drift = sensor.drift_ppm()
        collect(sensor, 2500)
    assert drift == pytest.approx(3e4, abs=1e4)
    assert len(told) == 1
    assert "ppm against this computer's: 25" in told[0]


def test_an_adapter_that_holds_bytes_back_is_told_with_the_remedy(
    board_counts, monkeypatch, tmp_path
) -> None:
    timer = tmp_path / "latency_timer"  # not writable: it is not there
    monkeypatch.setattr("firmware_bridge.sensor.latency_timer", lambda name: timer)
    monkeypatch.setattr("firmware_bridge.ports.latency_timer_ms", lambda name: 16)
    told: list[str] = []
    with (
        Emulator(CytonBoard(board_counts(100)), speed=10) as emulator,
        open_sensor(emulator.port_name, CYTON, tell=told.append) as sensor,
    ):
        assert sensor.link.endswith("at 115200 baud, latency timer 16 ms")
    assert len(told) == 1
    assert f"up to 16 ms; as root once: echo 1 > {timer}" in told[0]


def until(sensor: Sensor, condition, *, within_s: float = 20.0) -> None:
    """Read until it is so."""
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end
        sensor.read()


def wait_for(condition, within_s: float = 3.0) -> None:
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)
