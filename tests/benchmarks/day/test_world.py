import os
import threading
from pathlib import Path

import numpy as np
import pytest

from benchmarks.day import world as world_module
from benchmarks.day.world import StuckError, World
from firmware_bridge.devices.edgeemg import START, EdgeemgReader
from firmware_bridge.devices.edgeemg_board import EdgeemgBoard
from firmware_bridge.frames import Wishes


class Host:
    """Reads a port for as long as it is there, and parses what comes."""

    def __init__(self, port: Path) -> None:
        self.reader = EdgeemgReader()
        self.samples = 0
        self.last = -1
        self._port = os.open(port, os.O_RDWR | os.O_NOCTTY)
        os.write(self._port, START)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            while said := os.read(self._port, 4096):
                for frames in self.reader.feed(said):
                    self.samples += len(frames)
                    self.last = int(frames.counter[-1])
        except OSError:
            return  # it was unplugged

    def end(self) -> None:
        self._thread.join(10)
        os.close(self._port)


@pytest.fixture
def board() -> EdgeemgBoard:
    stream = EdgeemgBoard.streams(Wishes(rate_hz=250.0, channels=4))
    rng = np.random.default_rng(0)
    return EdgeemgBoard(rng.integers(-1000, 1000, (500, 4)).astype(np.int32), stream, loop=True)


def test_every_sample_that_passes_can_be_read(board: EdgeemgBoard, tmp_path: Path) -> None:
    hosts: list[Host] = []
    world = World(board, tmp_path, lambda: hosts[0].last)
    hosts.append(Host(world.link))
    world.start(lambda: True)
    world.play(60.0)
    world.settle()
    world.close()
    hosts[0].end()
    assert world.passed >= 60 * 250
    assert (hosts[0].samples, hosts[0].last) == (world.passed, world.passed - 1)
    assert hosts[0].reader.rejected_bytes == 0


def test_what_is_withheld_is_counted_by_the_sensor(
    board: EdgeemgBoard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world_module, "_ROOM_S", 10.0)  # this host is never away, but may be slow
    hosts: list[Host] = []
    world = World(board, tmp_path, lambda: hosts[0].last)
    hosts.append(Host(world.link))
    world.start(lambda: True)
    world.play(5.0)
    world.settle()
    before = world.passed
    world.stall(2.0)
    withheld = world.passed - before
    world.play(30.0)
    world.settle()
    world.close()
    hosts[0].end()
    assert withheld >= 500
    assert hosts[0].last == world.passed - 1
    assert hosts[0].samples == world.passed - withheld


def test_an_unplugged_port_is_gone_and_comes_back(board: EdgeemgBoard, tmp_path: Path) -> None:
    hosts: list[Host] = []
    world = World(board, tmp_path, lambda: hosts[-1].last)
    hosts.append(Host(world.link))
    world.start(lambda: True)
    world.play(2.0)
    there: list[bool] = []
    world._answer = lambda **_: there.append(world.link.exists())
    world.unplug(2.0)
    assert there
    assert not any(there)
    assert world.link.exists()
    world.close()


def test_a_reader_that_decides_nothing_is_told(
    board: EdgeemgBoard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world_module, "_STUCK_S", 0.5)
    world = World(board, tmp_path, lambda: -1)
    host = Host(world.link)
    world.start(lambda: True)
    with pytest.raises(StuckError, match="decided up to -1"):
        world.play(60.0)
    world.close()
    host.end()


def test_a_reader_that_is_dead_never_starts_it(board: EdgeemgBoard, tmp_path: Path) -> None:
    world = World(board, tmp_path, lambda: -1)
    with pytest.raises(StuckError, match="never started"):
        world.start(lambda: False)
    world.close()
