"""A real simulated sensor: it plays, is hushed, and counts."""

import os
import time

import pytest

from benchmarks.board.sensor import Sensor
from benchmarks.board.tools import BoardError

STREAM = b"b"  # what starts a Cyton


def read_for(line, seconds):
    """What comes within that time."""
    ends_s, got = time.monotonic() + seconds, b""
    while time.monotonic() < ends_s:
        try:
            got += os.read(line, 4096)
        except BlockingIOError:
            time.sleep(0.01)
    return got


def test_a_hushed_sensor_sends_no_byte_more_and_still_counts(tiny_recording, tmp_path):
    with Sensor(tiny_recording, tmp_path / "emg") as sensor:
        line = os.open(sensor.link, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        os.write(line, STREAM)
        deadline_s = time.monotonic() + 60
        got = b""
        while not got and time.monotonic() < deadline_s:
            got = read_for(line, 0.5)
        assert got
        sensor.hush()
        read_for(line, 0.1)
        assert read_for(line, 0.5) == b""
        account = sensor.stop()
        os.close(line)
    assert account.sent > 0
    assert account.lost == 0


def test_a_sensor_that_nobody_asked_has_sent_nothing(tiny_recording, tmp_path):
    with Sensor(tiny_recording, tmp_path / "emg") as sensor:
        assert sensor.link.exists()
        account = sensor.stop()
    assert (account.sent, account.overflow) == (0, 0)


def test_a_sensor_that_cannot_start_says_why(tmp_path):
    sensor = Sensor(tmp_path / "no.bdf", tmp_path / "emg")
    with pytest.raises(BoardError, match=r"did not start: .*no\.bdf"):
        sensor.__enter__()
