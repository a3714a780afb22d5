"""Unplugged and plugged in again, hundreds of times, over real pseudo-terminals behind a link."""

import os
import threading
import time
import tty
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from random import Random

import numpy as np
import pytest

from firmware_bridge.boards import converter_range
from firmware_bridge.devices import find_device
from firmware_bridge.devices.cyton import STREAM, CytonReader, encode
from firmware_bridge.emulator import BOARDS, Emulator
from firmware_bridge.faults import Faults
from firmware_bridge.frames import Ask, Device, Wishes
from firmware_bridge.reopening import Patience
from firmware_bridge.sensor import Sensor, State, open_sensor

RATE = 1000.0
FAST = replace(STREAM, sample_rate_hz=RATE)


def reader(_: bytes) -> CytonReader:
    made = CytonReader()
    made.stream = FAST
    return made


SENSOR: Device = replace(
    find_device("cyton"), hello=(Ask(b"b"),), goodbye=b"", poke=b"", reader=reader, stream=FAST
)


@dataclass
class Battery:
    """A sensor that samples for ever and sends while it is plugged in and was asked to.

    Its counter starts at 0 with each `b`, as a Cyton's does, so that only the host's clock can
    tell how long it was away. The counts of a sample say its true number.

    whole  numbers of the samples that were written whole
    heard  number of the last sample that the host has: it is not unplugged before it was heard
    """

    link: Path
    unplugs: int
    in_mid_frame: int
    chance: Random = field(default_factory=lambda: Random(1))
    whole: list[int] = field(default_factory=list)
    heard: int = -1
    done: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.began_s = time.monotonic()
        self.unplugged = 0

    def number(self) -> int:
        return int((time.monotonic() - self.began_s) * RATE)

    def taken_s(self, number: int) -> float:
        """When the sample of this number was there, host monotonic seconds."""
        return self.began_s + number / RATE

    def run(self) -> None:
        for n in range(self.unplugs):
            self.play(unplug_in_mid_frame=n < self.in_mid_frame)
            self.unplugged = n + 1
            time.sleep(self.chance.uniform(0.005, 0.03))
        self.play(unplug_in_mid_frame=False, last=True)

    def play(self, *, unplug_in_mid_frame: bool, last: bool = False) -> None:
        master, slave = os.openpty()
        tty.setraw(slave)
        os.set_blocking(master, False)
        self.link.unlink(missing_ok=True)
        self.link.symlink_to(os.ttyname(slave))
        # samples, then it is unplugged: near a turn, the counter fits a short outage by chance
        asked = self.chance.randint(150, 240)
        counter, plugged = -1, self.number()
        while not self.done.is_set() and (counter < asked or self.heard < plugged or last):
            time.sleep(0.001)
            counter = self.send(master, counter)
        if unplug_in_mid_frame:
            half = self.packet(self.number(), counter)[: self.chance.randint(1, 32)]
            self.write(master, half)
            time.sleep(self.chance.uniform(0, 0.02))
        self.link.unlink()
        os.close(master)
        os.close(slave)

    def send(self, master: int, counter: int) -> int:
        """What was taken since the last time; the counter of the last sample, -1 before `b`."""
        if counter < 0:
            try:
                assert b"b" in os.read(master, 100)
            except BlockingIOError:
                return -1
            self.next = self.number()
            counter = 0
        while self.next <= self.number():
            self.write(master, self.packet(self.next, counter))
            self.whole.append(self.next)
            self.next += 1
            counter += 1
        return counter

    def write(self, master: int, rest: bytes) -> None:
        """All of it, however long a busy machine keeps the host from making room."""
        while rest and not self.done.is_set():
            try:
                rest = rest[os.write(master, rest) :]
            except BlockingIOError:
                time.sleep(0.001)

    def packet(self, number: int, counter: int) -> bytes:
        return encode(np.full((1, 8), number), counter % 256)[0]


def open_descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.mark.parametrize(
    ("unplugs", "in_mid_frame"), [(8, 4), pytest.param(200, 50, marks=pytest.mark.slow)]
)
def test_every_replug_is_survived_and_every_gap_is_counted(
    tmp_path: Path, unplugs: int, in_mid_frame: int
) -> None:
    """The index is off, after each outage, by no more than the reads around it were late."""
    board = Battery(tmp_path / "emg", unplugs, in_mid_frame)
    thread = threading.Thread(target=board.run, daemon=True)
    thread.start()
    while not board.link.exists():
        time.sleep(0.001)
    told: list[str] = []
    descriptors: list[int] = []
    sessions: list[list] = [[]]  # of each, its reads: see as_sent
    patience = Patience(first_s=0.005, most_s=0.02)
    with open_sensor(str(board.link), SENSOR, tell=told.append, patience=patience) as sensor:
        threads = threading.active_count()
        deadline = time.monotonic() + 150
        for samples in sensor:
            if sensor.counters.reconnects == len(sessions):
                sessions.append([])
                descriptors.append(open_descriptors())
            if len(samples):
                sessions[-1].append(as_sent(samples, board))
                board.heard = int(sessions[-1][-1][1][-1])
            if sensor.counters.reconnects >= unplugs and len(sessions[-1]) > 3:
                break
            assert time.monotonic() < deadline, (sensor.counters, sensor.state, told[-3:])
        assert sensor.state is State.CONNECTED
        assert threading.active_count() == threads
        counters = sensor.counters
    board.done.set()
    thread.join()
    check_sessions([one for one in sessions if one], sensor, board)
    assert counters.reconnects == unplugs
    assert counters.rejected_bytes > 0  # the halves of packets
    assert np.ptp(descriptors[2:]) <= 3  # the board's own two come and go meanwhile
    assert sum(": connected: " in one for one in told) == unplugs
    assert open_descriptors() <= max(descriptors)


def as_sent(samples, board: Battery) -> tuple[np.ndarray, np.ndarray, float]:
    """(n,) index, (n,) true number of each sample of a read; how late the last one was read."""
    number = np.rint(samples.microvolts[:, 0] / STREAM.microvolts_per_count).astype(np.int64)
    return samples.index, number, samples.arrived_s - board.taken_s(int(number[-1]))


def check_sessions(sessions: list, sensor: Sensor, board: Battery) -> None:
    counters = sensor.counters
    index = np.concatenate([read[0] for one in sessions for read in one])
    number = np.concatenate([read[1] for one in sessions for read in one])
    assert (np.diff(index) > 0).all()
    assert (np.diff(number) > 0).all()
    assert set(number.tolist()) <= set(board.whole)  # none was invented
    assert counters.received == len(index)
    errors = []
    for before, after in pairwise(sessions):
        stepped = int(after[0][0][0] - before[-1][0][-1])
        passed = int(after[0][1][0] - before[-1][1][-1])
        # host time is all that there is: it is late after the outage, and was at least so before
        known = (after[0][2] - min(read[2] for read in before)) * RATE
        assert stepped - passed == pytest.approx(known, abs=1.5)
        errors.append(abs(stepped - passed))
    print(f"off by {np.median(errors):g} samples (median), {max(errors)} at most")
    missing = int(number[-1] - number[0]) + 1 - len(number)
    assert counters.lost + counters.lost_in_outages == pytest.approx(missing, abs=sum(errors))


@pytest.mark.slow
@pytest.mark.parametrize("name", BOARDS)
def test_every_simulated_sensor_is_found_again(tmp_path: Path, name: str) -> None:
    """Whatever its greeting and its counter."""
    wishes = Wishes(rate_hz=250.0, channels=2) if name == "text" else Wishes()
    stream = BOARDS[name].streams(wishes)
    lowest, highest = converter_range(stream)
    noise = np.random.default_rng(0).integers(-50, 50, (5000, stream.n_channels))
    counts = (noise + (lowest + highest) // 2).astype(np.int32)
    faults = Faults(unplug_every_s=2.5, unplug_s=0.5)
    board = BOARDS[name](counts, stream, loop=True)
    link = tmp_path / "emg"
    index: list[int] = []
    patience = Patience(first_s=0.05, most_s=0.2)
    with (
        Emulator(board, link=link, faults=faults),
        open_sensor(str(link), find_device(name, wishes), patience=patience) as sensor,
    ):
        deadline = time.monotonic() + 60
        while sensor.counters.reconnects < 2 or sensor.state is not State.CONNECTED:
            index += sensor.read().index.tolist()
            assert time.monotonic() < deadline, sensor.counters
        counters = sensor.counters
    assert (np.diff(index) > 0).all()
    assert counters.received == len(index) > stream.sample_rate_hz
    assert counters.lost_in_outages > 0.25 * stream.sample_rate_hz


@pytest.mark.parametrize(("name", "sure"), [("edgeemg", True), ("cyton", False)])
def test_the_index_after_a_replug_is_the_sensors_own(
    tmp_path: Path, name: str, *, sure: bool
) -> None:
    """Exact where its counter went on while it was stopped, else as the host's clock has it."""
    stream = BOARDS[name].streams(Wishes())
    rate = stream.sample_rate_hz
    counts = np.repeat(np.arange(200_000, dtype=np.int32)[:, None], stream.n_channels, axis=1)
    emulator = Emulator(
        BOARDS[name](counts, stream),
        link=tmp_path / "emg",
        faults=Faults(unplug_every_s=1.2, unplug_s=0.4),
    )
    patience = Patience(first_s=0.05, most_s=0.2)
    sessions: list[list[tuple[np.ndarray, np.ndarray, float]]] = [[], [], []]
    with (
        emulator,
        open_sensor(str(tmp_path / "emg"), find_device(name), patience=patience) as sensor,
    ):
        deadline = time.monotonic() + 60
        while not sessions[-1]:
            samples = sensor.read()
            assert time.monotonic() < deadline, sensor.counters
            if not len(samples):
                continue
            number = np.rint(samples.microvolts[:, 0] / stream.microvolts_per_count)
            late_s = samples.arrived_s - (emulator._started_s + number[-1] / rate)
            sessions[sensor.counters.reconnects].append((samples.index, number, late_s))
    for before, after in pairwise(sessions):
        stepped = int(after[0][0][0] - before[-1][0][-1])
        passed = int(after[0][1][0] - before[-1][1][-1])
        assert passed > 0.4 * rate
        known = (after[0][2] - min(read[2] for read in before)) * rate
        assert known > -0.1 * rate  # the world went on while the board was stopped
        if sure:
            assert stepped == passed
        else:  # by the counter, or by the clock: a late first read is later by `known` samples
            assert min(0.0, known) - 1.5 <= stepped - passed <= max(0.0, known) + 1.5
