"""Whole drivers on simulated sensors, and their tables."""

import numpy as np
import pytest

from benchmarks.serial_drivers import Driver, driver_table, flat_out_table, read_by
from benchmarks.serial_parsers import FAST, SENSORS, noisy_board, parser_costs, parser_table
from edgeemg.errors import EngineError
from firmware_bridge.devices.cyton_board import CytonBoard
from firmware_bridge.emulator import Emulator


@pytest.mark.parametrize("how", ["driver", "feed"])
@pytest.mark.parametrize("sensor", ["cyton", FAST])
def test_a_driver_hears_a_second_of_a_sensor(how: str, sensor: str) -> None:
    board = noisy_board(sensor, 1.0)
    cost = read_by(Driver(sensor, how), Emulator(board), seconds=1.5)
    rate_hz = board.stream.sample_rate_hz
    assert 0.5 * rate_hz < cost["received"] < 3 * rate_hz
    assert cost["cpu_s"] > 0
    assert cost["told"]["received"] >= cost["received"]


def test_pyserial_alone_counts_bytes() -> None:
    cost = read_by(Driver("cyton", "pyserial"), Emulator(noisy_board("cyton", 1.0)), seconds=1.0)
    assert 100 * 33 < cost["received"] < 600 * 33
    assert cost["told"] == {}


def test_flat_out_every_packet_is_received_and_reading_ends_with_the_last() -> None:
    counts = np.random.default_rng(0).integers(-1000, 1000, (5000, 8), dtype=np.int32)
    sensor = Emulator(CytonBoard(counts), speed=4000, lossless=True, linger_s=60)
    cost = read_by(Driver("cyton", "driver"), sensor, seconds=60, until=5000)
    assert cost["received"] == 5000
    assert cost["took_s"] < 20  # seconds of it by the sensor's own clock


def test_what_was_read_is_kept_row_by_row(tmp_path) -> None:
    counts = np.random.default_rng(0).integers(-1000, 1000, (250, 8), dtype=np.int32)
    kept = tmp_path / "rows.npz"
    sensor = Emulator(CytonBoard(counts), lossless=True, linger_s=60)
    read_by(Driver("cyton", "driver"), sensor, seconds=60, keep=str(kept), until=250)
    with np.load(kept) as rows:
        np.testing.assert_array_equal(rows["counts"], counts)
        np.testing.assert_array_equal(rows["numbers"], np.arange(250))


def test_a_reader_that_fails_says_why(tmp_path) -> None:
    sensor = Emulator(noisy_board("cyton", 1.0))
    with pytest.raises(EngineError, match=r"driver reader failed on a simulated cyton: .*nowhere"):
        read_by(Driver("cyton", "driver"), sensor, seconds=0.2, keep=str(tmp_path / "nowhere/x"))


def test_tables_hold_medians_and_spreads() -> None:
    rounds = [{"cpu_s": one, "took_s": 2.0, "received": 500, "sent": 500} for one in (1, 2, 6)]
    assert driver_table({"a": rounds})[2] == "| a | 1000.0 | 500.0 to 3000.0 | 500 |"
    assert flat_out_table({"a": rounds})[2] == (
        "| a | 4000.00 | 2000.00 to 12000.00 | 250 | 500 of 500 |"
    )


@pytest.mark.slow
def test_every_parser_of_the_table_gives_all_samples_of_its_sensor() -> None:
    costs = parser_costs()
    assert list(costs) == list(SENSORS)
    for one in costs.values():
        assert one["parse_us_per_sample"] > 0
        share = one["samples_us_per_sample"] * one["sample_rate_hz"] / 1e6
        assert one["core_share"] == pytest.approx(share)
    assert len(parser_table(costs)) == 2 + len(SENSORS)
