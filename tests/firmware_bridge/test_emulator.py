import gzip
import os
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgeemg.dsp.samples import Samples, join
from edgeemg.errors import PortError
from firmware_bridge.boards import microvolts_to_counts
from firmware_bridge.devices import find_device
from firmware_bridge.devices.cyton import PACKET_BYTES, STREAM, VERSION
from firmware_bridge.devices.cyton_board import BANNER, CytonBoard
from firmware_bridge.devices.edgeemg_board import EdgeemgBoard
from firmware_bridge.emulator import BOARDS, Emulator
from firmware_bridge.faults import Faults
from firmware_bridge.frames import Wishes
from firmware_bridge.ports import Port
from firmware_bridge.samples import Counters
from firmware_bridge.sensor import open_sensor


def pieces_of(port_name: str, last_row: int) -> list[Samples]:
    """What came until this row, read by read."""
    pieces = []
    end = time.monotonic() + 15
    with open_sensor(port_name, find_device("cyton"), reconnect=False) as sensor:
        for samples in sensor:
            pieces.append(samples)
            if len(samples) and samples.index[-1] >= last_row:
                return pieces
            assert time.monotonic() < end, sensor.counters
    raise AssertionError


def hear(port_name: str, last_row: int, *, within_s: float = 15.0) -> tuple[Samples, Counters]:
    """All samples up to this row, and what was counted on the way."""
    pieces = []
    end = time.monotonic() + within_s
    with open_sensor(port_name, find_device("cyton"), reconnect=False) as sensor:
        for samples in sensor:
            pieces.append(samples)
            if len(samples) and samples.index[-1] >= last_row:
                return join(pieces), sensor.counters
            assert time.monotonic() < end, sensor.counters
    raise AssertionError


def test_every_row_arrives_bit_for_bit(board_counts) -> None:
    counts = board_counts(3000)
    with Emulator(CytonBoard(counts), speed=20, lossless=True) as emulator:
        samples, counters = hear(emulator.port_name, 2999)
    assert samples.index.tolist() == list(range(3000))
    assert np.array_equal(
        samples.microvolts, (counts * STREAM.microvolts_per_count).astype(np.float32)
    )
    assert samples.valid.all(axis=0).tolist() == [True] * 4 + [False] * 4
    assert counters == Counters(received=3000)


def test_a_real_recording_arrives_bit_for_bit(shared_data: Path) -> None:
    path = min(shared_data.glob("subvocal-emg/P*/S/*.csv.gz"))
    with gzip.open(path, "rt") as lines:
        microvolts = np.loadtxt(
            lines, delimiter=",", skiprows=1, usecols=range(1, 9), max_rows=2000
        )
    counts = microvolts_to_counts(microvolts, STREAM)
    with Emulator(CytonBoard(counts), speed=20, lossless=True) as emulator:
        samples, _ = hear(emulator.port_name, len(counts) - 1)
    assert np.array_equal(samples.microvolts, microvolts.astype(np.float32))
    assert not samples.valid[:, 4:].any()  # not connected, at the rail


def test_dropped_packets_are_counted_exactly(board_counts) -> None:
    counts = board_counts(3000)
    seed = next(n for n in range(99) if not dropped(n)[[0, -1]].any())
    lost = dropped(seed)  # before the first and after the last, nobody could tell
    emulator = Emulator(
        CytonBoard(counts), speed=20, lossless=True, faults=Faults(drop=0.1, seed=seed)
    )
    with emulator:
        samples, counters = hear(emulator.port_name, 2999)
    assert samples.index.tolist() == np.flatnonzero(~lost).tolist()
    assert np.array_equal(
        samples.microvolts, (counts[~lost] * STREAM.microvolts_per_count).astype(np.float32)
    )
    assert counters == Counters(received=int((~lost).sum()), lost=int(lost.sum()))
    assert (emulator.board.sent, emulator.lost_samples) == (3000, counters.lost)


def dropped(seed: int) -> NDArray[np.bool_]:
    return np.random.default_rng(seed).random(3000) < 0.1


def test_samples_of_a_stall_are_lost_and_the_sensor_counts_on(board_counts) -> None:
    faults = Faults(stall_every_s=4, stall_s=0.4)
    board = CytonBoard(board_counts(2000))
    with Emulator(board, speed=5, lossless=True, faults=faults) as emulator:
        samples, counters = hear(emulator.port_name, 1999)
    assert emulator.pauses == {"stall": 1, "reboot": 0, "unplug": 0}
    assert emulator.lost_samples >= 100
    assert (counters.received, counters.lost) == (
        2000 - emulator.lost_samples,
        emulator.lost_samples,
    )
    assert len(samples) == counters.received


def test_flipped_and_stray_bytes_cost_packets_and_none_is_invented(board_counts) -> None:
    counts = board_counts(2000)
    faults = Faults(flip=2e-4, insert=2e-4, seed=5)
    with Emulator(CytonBoard(counts), speed=20, lossless=True, faults=faults) as emulator:
        samples, counters = hear(emulator.port_name, 1990)
    damaged = emulator.line.flipped_bytes + emulator.line.inserted_bytes
    assert damaged > 5
    assert counters.lost <= 2 * damaged
    sent = (counts * STREAM.microvolts_per_count).astype(np.float32)
    wrong = (samples.microvolts != sent[samples.index]).any(axis=1)
    assert wrong.sum() <= emulator.line.flipped_bytes  # no checksum: a flip in a value is not seen


def test_a_burst_holds_bytes_back_and_loses_none(board_counts) -> None:
    faults = Faults(burst_s=0.2)
    with Emulator(CytonBoard(board_counts(500)), faults=faults) as emulator:
        arrivals = {
            float(piece.arrived_s) for piece in pieces_of(emulator.port_name, 499) if len(piece)
        }
    assert 5 <= len(arrivals) <= 13  # of 2 s


@pytest.mark.parametrize(
    ("device", "wishes"),
    [("cyton", Wishes()), ("cyton-daisy", Wishes()), ("edgeemg", Wishes(rate_hz=250, channels=2))],
)
def test_bursts_longer_than_a_stall_lose_nothing(device: str, wishes: Wishes) -> None:
    kind = BOARDS[device]
    stream = kind.streams(wishes)
    ramp = np.arange(1, 1 + round(5 * stream.sample_rate_hz), dtype=np.int32)
    board = kind(np.tile(ramp[:, None], (1, stream.n_channels)), stream)
    pieces = []
    emulator = Emulator(board, faults=Faults(burst_s=0.7))
    with emulator, open_sensor(emulator.port_name, find_device(device)) as sensor:
        for samples in sensor:
            pieces.append(samples)
            if sum(map(len, pieces)) >= 4 * stream.sample_rate_hz:
                break
    heard = join(pieces)
    rows = np.rint(heard.microvolts[:, 0] / stream.microvolts_per_count)
    assert sensor.counters.stalls >= 2
    assert (np.diff(rows) == 1).all()
    assert (np.diff(heard.index) == 1).all()
    assert (sensor.counters.lost, sensor.counters.lost_in_outages) == (0, 0)


def test_a_fast_clock_sends_more_a_second(board_counts) -> None:
    faults = Faults(clock_ppm=1e5)
    board = CytonBoard(board_counts(500), loop=True)
    with Emulator(board, faults=faults) as emulator:
        began = time.monotonic()
        hear(emulator.port_name, 549)
        took_s = time.monotonic() - began
    # the greeting takes more than a second, and a busy machine is late: only the least is certain
    assert took_s > 2.0
    assert emulator._rate_hz == pytest.approx(275)


def test_a_sensor_that_lost_its_power_counts_from_zero(board_counts) -> None:
    faults = Faults(reboot_every_s=1, reboot_s=0.2)
    board = CytonBoard(board_counts(2000))
    said = b""
    with (
        Emulator(board, speed=5, faults=faults) as emulator,
        Port(emulator.port_name, 115200) as port,
    ):
        port.write(b"b")
        deadline = time.monotonic() + 10
        while not said.endswith(b"$$$") and time.monotonic() < deadline:
            said += port.read()
    assert said.endswith(BANNER)
    assert not board.streaming
    assert (
        board.counter == board.row - board.sent < board.sent
    )  # from zero, when it had power again
    assert board.row >= 300  # the world went on


def test_a_sensor_without_power_neither_hears_nor_answers(board_counts) -> None:
    board = CytonBoard(board_counts(2000))
    with (
        Emulator(board, speed=5, faults=Faults(reboot_every_s=1, reboot_s=2)) as emulator,
        Port(emulator.port_name, 115200) as port,
    ):
        port.write(b"b")
        deadline = time.monotonic() + 10
        while not emulator.pauses["reboot"] and time.monotonic() < deadline:
            port.read()
        while port.read():
            pass  # what was on the line
        port.write(b"s" + VERSION)
        said = b""
        while not said.endswith(b"$$$") and time.monotonic() < deadline:
            said += port.read()
    assert said == BANNER  # and no reply to what it did not hear


@pytest.mark.parametrize("faults", [Faults(), Faults(stall_every_s=1000, stall_s=1)])
def test_the_world_goes_on_beside_a_stopped_board_where_faults_are_played(
    board_counts, faults: Faults
) -> None:
    board = EdgeemgBoard(board_counts(5000)[:, :4], EdgeemgBoard.streams(Wishes()))
    with (
        Emulator(board, faults=faults) as emulator,
        Port(emulator.port_name, 115200) as port,
    ):
        time.sleep(0.2)
        assert (board.row, board.counter) == (0, 0)  # not before it has streamed
        port.write(b"b")
        deadline = time.monotonic() + 10
        while board.row < 100 and time.monotonic() < deadline:
            port.read()
        port.write(b"s")
        while board.streaming and time.monotonic() < deadline:
            port.read()
        stopped = board.row
        time.sleep(0.3)
        passed, began_s = board.row - stopped, emulator._started_s
        port.write(b"b")
        while not board.streaming and time.monotonic() < deadline:
            port.read()
        row, now_s = board.row, time.monotonic()
    assert board.counter == board.row
    assert passed == 0 if faults == Faults() else passed >= 200
    if faults != Faults():
        assert stopped + passed <= row <= (now_s - began_s) * 1000


def test_the_link_survives_a_replug(board_counts, tmp_path: Path) -> None:
    link = tmp_path / "emg"
    faults = Faults(unplug_every_s=1, unplug_s=0.5)
    board = CytonBoard(board_counts(300), loop=True)
    with Emulator(board, link=link, faults=faults):
        with Port(str(link), 115200) as port:
            port.write(b"b")
            with pytest.raises(PortError, match="lost in use"):
                until_it_ends(port)
        assert not link.is_symlink()
        deadline = time.monotonic() + 10
        while not link.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        with Port(str(link), 115200) as port:
            assert len(port.read()) % PACKET_BYTES == 0  # it streams on


def until_it_ends(port: Port) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        port.read()


def test_real_speed_is_the_pace_of_the_device(board_counts) -> None:
    arrivals = {}
    with (
        Emulator(CytonBoard(board_counts(500))) as emulator,
        open_sensor(emulator.port_name, find_device("cyton"), reconnect=False) as sensor,
    ):
        start = time.monotonic()
        for samples in sensor:
            arrivals.update(dict.fromkeys(samples.index.tolist(), samples.arrived_s - start))
            if len(samples) and samples.index[-1] >= 374:
                break
    delay_s = np.array([arrivals[n] - (n + 1) / 250 for n in range(375)])
    # a busy machine delays, and nothing comes early; there is no drift to add up
    assert delay_s.min() > -0.02
    assert np.median(delay_s) < 0.015


def test_at_real_speed_nothing_is_lost_and_every_row_is_equal(board_counts) -> None:
    counts = board_counts(750)
    with Emulator(CytonBoard(counts)) as emulator:
        samples, counters = hear(emulator.port_name, 749)
    assert samples.index.tolist() == list(range(750))
    assert np.array_equal(
        samples.microvolts, (counts * STREAM.microvolts_per_count).astype(np.float32)
    )
    assert counters == Counters(received=750)
    assert emulator.overflowed_bytes == 0


def test_what_goes_wrong_in_its_thread_is_raised_where_it_is_used(board_counts) -> None:
    class Broken(CytonBoard):
        def answer(self, command: bytes) -> tuple[bytes, float]:
            raise ArithmeticError(f"no answer to {command!r}")

    emulator = Emulator(Broken(board_counts(1)))
    emulator.__enter__()
    with Port(emulator.port_name, 115200) as port:
        port.write(b"s")
        assert emulator._playing is not None
        emulator._playing.exception(timeout=3)
    with pytest.raises(ArithmeticError, match="no answer to b's'"):
        emulator.__exit__()


def test_the_end_of_a_recording_is_silent_and_then_the_port_goes(board_counts) -> None:
    emulator = Emulator(CytonBoard(board_counts(20)), speed=10, linger_s=0.2)
    with (
        emulator,
        open_sensor(emulator.port_name, find_device("cyton"), reconnect=False) as sensor,
        pytest.raises(PortError, match="lost in use"),
    ):
        for _ in sensor:
            pass
    assert sensor.counters.received == 20


def test_the_simulator_ends_when_its_reader_has_heard_all(board_counts) -> None:
    emulator = Emulator(CytonBoard(board_counts(20)), speed=10, linger_s=60)
    with emulator:
        hear(emulator.port_name, 19)
        assert emulator._playing is not None
        emulator._playing.result(timeout=3)


def test_a_reader_can_come_back(board_counts) -> None:
    with Emulator(CytonBoard(board_counts(400), loop=True), speed=10) as emulator:
        for _ in range(2):
            samples, counters = hear(emulator.port_name, 50)
            assert samples.index[0] == 0
            assert counters.lost == 0


def test_a_loop_goes_on_without_a_break(board_counts) -> None:
    counts = board_counts(50)
    with Emulator(CytonBoard(counts, loop=True), speed=10, lossless=True) as emulator:
        samples, counters = hear(emulator.port_name, 299)
    assert samples.index[:300].tolist() == list(range(300))
    assert np.array_equal(samples.microvolts[:50], samples.microvolts[250:300])
    assert counters.lost == 0


def test_what_a_sleeping_reader_has_no_room_for_is_dropped_and_counted(board_counts) -> None:
    counts = board_counts(3000)
    board = CytonBoard(counts)
    rows = 0
    with (
        Emulator(board, speed=20) as emulator,
        open_sensor(emulator.port_name, find_device("cyton"), reconnect=False) as sensor,
    ):
        while not board.finished:
            time.sleep(0.05)
        while samples := sensor.read():
            rows += len(samples)
    assert emulator.overflowed_bytes > 0
    whole = 3000 - emulator.overflowed_bytes // PACKET_BYTES
    assert whole - 60 <= rows <= whole  # a packet that was cut is lost as well


def test_a_waiting_board_loses_nothing_to_a_sleeping_reader(board_counts) -> None:
    counts = board_counts(2000)
    with (
        Emulator(CytonBoard(counts), speed=20, lossless=True) as emulator,
        open_sensor(emulator.port_name, find_device("cyton"), reconnect=False) as sensor,
    ):
        time.sleep(0.6)
        rows = 0
        while rows < 2000:
            rows += len(sensor.read())
    assert sensor.counters == Counters(received=2000)
    assert emulator.overflowed_bytes == 0


def test_a_link_leads_to_the_port_and_is_removed(board_counts, tmp_path: Path) -> None:
    link = tmp_path / "emg"
    with Emulator(CytonBoard(board_counts(100)), link=link, speed=10) as emulator:
        assert str(link.readlink()) == emulator.port_name
        hear(str(link), 20)
    assert not link.is_symlink()


def test_a_link_that_a_killed_simulator_left_is_replaced(board_counts, tmp_path: Path) -> None:
    link = tmp_path / "emg"
    link.symlink_to("/dev/pts/no-such-terminal")
    with Emulator(CytonBoard(board_counts(10)), link=link) as emulator:
        assert str(link.readlink()) == emulator.port_name


def test_a_left_link_to_a_number_that_is_ours_now_is_replaced(board_counts, tmp_path) -> None:
    link = tmp_path / "emg"
    master, slave = os.openpty()
    link.symlink_to(os.ttyname(slave))
    os.close(slave)
    os.close(master)
    with Emulator(CytonBoard(board_counts(10)), link=link) as emulator:
        assert str(link.readlink()) == emulator.port_name
    assert not link.is_symlink()


def test_a_link_to_another_simulator_is_left_alone(board_counts, tmp_path: Path) -> None:
    link = tmp_path / "emg"
    with Emulator(CytonBoard(board_counts(10)), link=link) as first:
        with pytest.raises(PortError, match="emg: cannot be made a link"):
            Emulator(CytonBoard(board_counts(10)), link=link)
        assert str(link.readlink()) == first.port_name


def test_a_file_in_the_place_of_the_link_is_left_alone(board_counts, tmp_path: Path) -> None:
    link = tmp_path / "emg"
    link.write_text("a file of mine")
    open_before = sum(1 for _ in Path("/proc/self/fd").iterdir())
    with pytest.raises(PortError, match="emg: cannot be made a link"):
        Emulator(CytonBoard(board_counts(10)), link=link)
    assert link.read_text() == "a file of mine"
    assert sum(1 for _ in Path("/proc/self/fd").iterdir()) == open_before


def test_a_reader_that_was_killed_does_not_lock_the_port(board_counts, without_privileges) -> None:
    """TIOCEXCL outlives a killed reader on a terminal that the simulator holds open."""
    board = CytonBoard(board_counts(100), loop=True)
    with Emulator(board, speed=50) as emulator:
        if os.geteuid() == 65534:
            os.seteuid(0)
            Path(emulator.port_name).chmod(0o666)
            os.seteuid(65534)
        killed = open_sensor(emulator.port_name, find_device("cyton"), reconnect=False)
        killed._port._serial.fd = os.close(killed._port._serial.fileno())
        end = time.monotonic() + 5
        while emulator.overflowed_bytes == 0 and time.monotonic() < end:
            time.sleep(0.02)
        Port(emulator.port_name, 115200).close()


def test_a_speed_that_is_none_is_refused(board_counts) -> None:
    with pytest.raises(ValueError, match="speed must be above 0"):
        Emulator(CytonBoard(board_counts(1)), speed=0)


@given(count=st.integers(-(1 << 23), (1 << 23) - 1))
def test_counts_survive_float32_microvolts(count: int) -> None:
    microvolts = np.full((1, 8), count * STREAM.microvolts_per_count).astype(np.float32)
    assert microvolts_to_counts(microvolts, STREAM).tolist() == [[count] * 8]


def test_open_inputs_and_nan_become_the_lower_rail_and_the_rest_is_clipped() -> None:
    counts = microvolts_to_counts([[0.0, np.nan, 1e9, -1e9]], STREAM)
    assert counts.dtype == np.int32
    assert counts.tolist() == [[0, -8388608, 8388607, -8388608] + [-8388608] * 4]


@pytest.mark.parametrize("shape", [(4,), (4, 9)])
def test_more_channels_than_inputs_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="up to 8"):
        microvolts_to_counts(np.zeros(shape), STREAM)
