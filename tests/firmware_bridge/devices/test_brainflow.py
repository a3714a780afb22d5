"""BrainFlow's own drivers read our simulated boards over a real pseudo-terminal.

They are an independent reader of the same formats: what they hear must be what was to be played.
"""

import time
import warnings
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np
import pytest
from numpy.typing import NDArray

from firmware_bridge.boards import Board
from firmware_bridge.devices import cyton, cyton_daisy, freeeeg32
from firmware_bridge.devices.cyton import CytonReader
from firmware_bridge.devices.cyton_board import CytonBoard
from firmware_bridge.devices.cyton_daisy_board import CytonDaisyBoard
from firmware_bridge.devices.freeeeg32_board import FreeEeg32Board
from firmware_bridge.emulator import Emulator

pytestmark = pytest.mark.slow

LONGEST_S = 60


@pytest.fixture(scope="module")
def brainflow(missing: Callable[[str], NoReturn]) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it finds its library by way of pkg_resources
            from brainflow import board_shim

            board_shim.BoardShim.disable_board_logger()
    except ImportError as error:
        missing(f"BrainFlow cannot be loaded ({error}): pip install 'edgeemg[dev]'")
    return board_shim


def heard(
    brainflow: Any, kind: str, board: Board, microvolts_per_count: float, *, enough: int
) -> tuple[list[int], NDArray[np.int64]]:
    """What BrainFlow's driver of this kind of board hears: counters, counts (time, channel)."""
    driver = brainflow.BoardShim
    kind_id = brainflow.BoardIds[kind].value
    with Emulator(board, speed=4, lossless=True, linger_s=LONGEST_S) as emulator:
        asked = brainflow.BrainFlowInputParams()
        asked.serial_port = emulator.port_name
        session = driver(kind_id, asked)
        session.prepare_session()
        try:
            session.start_stream()
            deadline = time.monotonic() + LONGEST_S
            while session.get_board_data_count() < enough and time.monotonic() < deadline:
                time.sleep(0.05)
            while not board.finished and time.monotonic() < deadline:
                time.sleep(0.05)
            time.sleep(0.3)  # what is still on its way
            data = session.get_board_data()
            session.stop_stream()
        finally:
            session.release_session()
    counters = data[driver.get_package_num_channel(kind_id)].astype(int).tolist()
    microvolts = data[driver.get_eeg_channels(kind_id)].T
    return counters, np.rint(microvolts / microvolts_per_count).astype(np.int64)


def noisy(n: int, channels: int) -> NDArray[np.int32]:
    """(n, channels) counts over the whole range, its ends among them."""
    rng = np.random.default_rng(3)
    counts = rng.integers(-(1 << 23), 1 << 23, (n, channels), dtype=np.int32)
    counts[5], counts[6] = (1 << 23) - 1, -(1 << 23)
    return counts


def test_brainflow_hears_every_count_of_our_cyton(brainflow: Any) -> None:
    counts = noisy(1500, 8)
    scale = cyton.STREAM.microvolts_per_count
    counters, rows = heard(brainflow, "CYTON_BOARD", CytonBoard(counts), scale, enough=1500)
    assert counters == [n % 256 for n in range(1500)]
    np.testing.assert_array_equal(rows, counts)


def test_brainflow_hears_every_count_of_our_daisy(brainflow: Any) -> None:
    counts = noisy(750, 16)
    scale = cyton_daisy.STREAM.microvolts_per_count
    _, rows = heard(brainflow, "CYTON_DAISY_BOARD", CytonDaisyBoard(counts), scale, enough=750)
    np.testing.assert_array_equal(rows, counts)


def test_brainflow_hears_every_count_of_our_freeeeg32_but_for_the_first_packet(
    brainflow: Any,
) -> None:
    """It streams from power-on: BrainFlow joins somewhere, and hears a packet by the next one."""
    counts = noisy(3000, 32)
    scale = freeeeg32.STREAM.microvolts_per_count
    counters, rows = heard(brainflow, "FREEEEG32_BOARD", FreeEeg32Board(counts), scale, enough=500)
    begins = int(np.flatnonzero((counts == rows[0]).all(axis=1))[0])
    assert counters == [n % 256 for n in range(begins, begins + len(rows))]
    np.testing.assert_array_equal(rows, counts[begins : begins + len(rows)])
    assert begins + len(rows) == len(counts) - 1


class Leaky(CytonBoard):
    """Loses one byte somewhere in every 20th packet, the same on every run."""

    wired: bytes = b""

    def wire(self, counts: NDArray[np.int32], first_counter: int) -> list[bytes]:
        packets = super().wire(counts, first_counter)
        for n in range(len(packets)):
            number = first_counter + n
            if number % 20 == 10:
                at = 7 * number // 20 % cyton.PACKET_BYTES
                packets[n] = packets[n][:at] + packets[n][at + 1 :]
        self.wired += b"".join(packets)
        return packets


def test_a_lost_byte_costs_us_one_packet_and_brainflow_more(brainflow: Any, board_counts) -> None:
    counts = board_counts(2000)
    board = Leaky(counts)
    _, rows = heard(brainflow, "CYTON_BOARD", board, cyton.STREAM.microvolts_per_count, enough=1700)
    damaged = 100
    ours = CytonReader().feed(board.wired)
    assert sum(map(len, ours)) == len(counts) - damaged
    sent = set(map(tuple, counts.tolist()))
    theirs = sum(tuple(row) in sent for row in rows.tolist())
    assert len(counts) - theirs > 1.5 * damaged
