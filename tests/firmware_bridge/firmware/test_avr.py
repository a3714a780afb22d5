"""The AVR firmware, run in simavr, its ADC fed with EMG, read by our own driver.

simavr is cycle-true in UART, timers, interrupts and ADC, so counts and contents are exact here.
It is an emulation: nothing below was measured on a board.
"""

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeemg.dsp.samples import Samples
from firmware_bridge.devices import find_device
from firmware_bridge.devices.edgeemg import EdgeemgReader
from firmware_bridge.frames import Frames, Stream
from firmware_bridge.ports import Port
from firmware_bridge.reopening import Patience
from firmware_bridge.sensor import Sensor, open_sensor

CHANNELS, RATE_HZ, WAVEFORM_HZ = 4, 1000, 250
CYCLES_PER_CONVERSION = 4000  # 16 MHz, four inputs a millisecond
MICROVOLTS_PER_COUNT = 5e6 / 1024
ANNOUNCED = Stream(
    sample_rate_hz=RATE_HZ,
    n_channels=CHANNELS,
    microvolts_per_count=MICROVOLTS_PER_COUNT,
    lowest_count=0,
    highest_count=1023,
    turn=1 << 32,
    zero_count=512,
)
TRUTH = np.dtype([("cycle", "<u8"), ("channel", "<u4"), ("millivolts", "<f4")])
PATIENCE_S = 60.0  # the machine may be busy, and simavr slower than the board


class Chip:
    """An ATmega328P that runs; what its ADC was fed is known once it has stopped."""

    def __init__(self, process: subprocess.Popen[str], truth: Path) -> None:
        self._process, self._truth = process, truth
        assert process.stdout is not None
        lines = (line for line in process.stdout if line.startswith("PTY "))
        self.port = next(lines, "").removeprefix("PTY ").strip()
        assert self.port, "the board did not start"

    def reset(self) -> None:
        self._process.send_signal(signal.SIGUSR1)

    def stop(self) -> None:
        if self._process.poll() is not None:
            return
        self._process.terminate()
        said, _ = self._process.communicate(timeout=PATIENCE_S)
        assert self._process.returncode == 0, said
        conversions = np.fromfile(self._truth, TRUTH)
        counted = json.loads(said.splitlines()[-1])
        assert len(conversions) == counted["conversions"]
        resets = [counted["last_reset"]] if counted["last_reset"] else []
        boots = np.split(conversions, resets)
        for boot in boots:
            assert (np.diff(boot["channel"].astype(int)) % CHANNELS == 1).all()
        assert all(boot["channel"][0] == 0 for boot in boots)
        self.n_boots = len(boots)
        first = boots[0][: len(boots[0]) // CHANNELS * CHANNELS]
        self.cycles = first["cycle"].astype(np.int64)
        self.fed_millivolts = first["millivolts"].reshape(-1, CHANNELS)

    def fed_counts(self, index: NDArray[np.int64]) -> NDArray[np.int64]:
        """(n,) numbers of samples since the first boot -> (n, 4) counts, as simavr's ADC makes."""
        return self.fed_millivolts[index].astype(np.int64) * 1023 // 5000


@pytest.fixture(scope="session")
def simulator(tmp_path_factory, needs) -> Path:
    needs("gcc", "simavr")
    if not Path("/usr/include/simavr/sim_avr.h").is_file():
        needs("libsimavr-dev")
    out = tmp_path_factory.mktemp("simulator") / "avr_board"
    source = Path(__file__).with_name("avr_board.c")
    command = ["gcc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-I/usr/include/simavr"]
    command += [str(source), "-o", str(out), "-lsimavr", "-lutil"]
    made = subprocess.run(command, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    return out


@pytest.fixture(scope="session")
def build(tmp_path_factory, sources, needs):
    """`build("BAUD=500000UL")`: make's result, and the ELF file it should have made."""
    needs("avr-gcc", "make")

    def make(*settings: str) -> tuple[subprocess.CompletedProcess[str], Path]:
        folder = tmp_path_factory.mktemp("avr")
        command = ["make", "-C", str(sources / "avr"), f"BUILD={folder}", *settings]
        return subprocess.run(command, capture_output=True, text=True), folder / "edgeemg_avr.elf"

    return make


@pytest.fixture(scope="session")
def fast(build) -> Path:
    made, elf = build()
    assert made.returncode == 0, made.stderr
    return elf


@pytest.fixture(scope="session")
def overloaded(build) -> Path:
    """12.8 kB/s over 115200 baud: 11.8 kB/s as an AVR makes it, 10.7 in simavr (11 bits a byte)."""
    made, elf = build("BAUD=115200UL", "MORE=-DALLOW_OVERLOAD")
    assert made.returncode == 0, made.stderr
    return elf


@pytest.fixture
def running(simulator, tmp_path):
    """`with running(elf, waveform) as chip`: (time, 4) millivolts at 250 Hz, over and over."""

    @contextmanager
    def start(elf: Path, millivolts: NDArray[np.float32]) -> Iterator[Chip]:
        waveform, truth = tmp_path / "waveform.f32", tmp_path / "truth"
        millivolts.astype("<f4").tofile(waveform)
        command = [simulator, elf, waveform, CHANNELS, WAVEFORM_HZ, truth]
        process = subprocess.Popen(
            [str(word) for word in command], stdout=subprocess.PIPE, text=True
        )
        try:
            chip = Chip(process, truth)
            yield chip
            chip.stop()
        finally:
            process.kill()
            process.communicate()

    return start


@pytest.fixture
def generated() -> NDArray[np.float32]:
    """Generated, every row unlike the others: a sample in the wrong place is seen."""
    rng = np.random.default_rng(5)
    return (2500 + 600 * rng.standard_normal((4001, CHANNELS))).clip(10, 4990).astype(np.float32)


@pytest.fixture
def recorded(shared_data) -> NDArray[np.float32]:
    """Two trials of a person side by side: chin and throat, in millivolts at an ESP32's pins."""
    folder = shared_data / "somach-semg" / "studyB_5phase" / "Phase_1_Overt"
    trials = []
    for path in sorted(folder.glob("UP_*.csv")):
        trial = np.loadtxt(path, delimiter=",", skiprows=1, usecols=(1, 2), ndmin=2)
        if len(trial) >= 200:
            trials.append(trial[:200] * 3300 / 4095)
    pairs = [np.hstack(trials[at : at + 2]) for at in range(0, 10, 2)]
    return np.concatenate(pairs).astype(np.float32)


def opened(port: str, tell: Callable[[str], None] = print) -> Sensor:
    patience = Patience(lost_s=PATIENCE_S)  # a busy machine is no lost sensor
    return open_sensor(port, find_device("edgeemg"), tell=tell, reconnect=False, patience=patience)


def collect(sensor: Sensor, n_samples: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Indices and microvolts of at least so many samples."""
    got: list[Samples] = []
    deadline = time.monotonic() + PATIENCE_S
    for samples in sensor:
        got.append(samples)
        if sum(map(len, got)) >= n_samples:
            break
        assert time.monotonic() < deadline, sensor.counters
    index = np.concatenate([one.index for one in got])
    return index, np.concatenate([one.microvolts for one in got])


@pytest.mark.slow
def test_recorded_emg_at_the_pins_is_what_the_driver_gives(running, fast, recorded) -> None:
    with running(fast, recorded) as chip:
        with opened(chip.port) as sensor:
            assert sensor.stream == ANNOUNCED
            index, microvolts = collect(sensor, 4000)
        counters = sensor.counters
        chip.stop()
    assert (np.diff(index) == 1).all()
    assert counters.received == len(index) == index[-1] - index[0] + 1
    assert counters.lost == counters.malformed == counters.reboots == 0

    exact = (chip.fed_counts(index) - 512) * MICROVOLTS_PER_COUNT
    np.testing.assert_allclose(microvolts, exact, rtol=1e-6)
    for channel in range(CHANNELS):
        fed = chip.fed_millivolts[index, channel]
        assert fed.std() > 10, "the waveform must move for this to mean anything"
        assert np.corrcoef(fed, microvolts[:, channel])[0, 1] > 0.99


@pytest.mark.slow
def test_each_input_is_read_every_millisecond_under_full_load(running, fast, generated) -> None:
    with running(fast, generated) as chip:
        with opened(chip.port) as sensor:
            index, _ = collect(sensor, 1500)
        chip.stop()
    late = np.diff(chip.cycles[4 * index[0] : 4 * index[-1]]) - CYCLES_PER_CONVERSION
    assert np.abs(late).max() < 80  # 5 us
    assert late.mean() == pytest.approx(0, abs=0.1)


@pytest.mark.slow
def test_an_overloaded_line_is_told_sample_for_sample(running, overloaded, generated) -> None:
    with running(overloaded, generated) as chip:
        reader, frames = EdgeemgReader(), []
        with Port(chip.port, 115200) as port:
            port.write(b"s")
            listen(port, reader, frames, lambda: reader.info is not None)
            port.write(b"b")
            listen(port, reader, frames, lambda: sum(map(len, frames)) >= 2500)
            port.write(b"s")
            listen(port, reader, frames, lambda: not reader.info.streaming)
            # one block may still follow the one that was being filled
            until = time.monotonic() + 0.5
            listen(port, reader, frames, lambda: time.monotonic() > until)
            port.write(b"i")
            seen_us = reader.info.time_us
            listen(port, reader, frames, lambda: reader.info.time_us != seen_us)
        chip.stop()
    index = np.concatenate([run.counter for run in frames])
    counts = np.concatenate([run.counts for run in frames])
    taken = int(index[-1] - index[0]) + 1
    lost = int((np.diff(index) - 1).sum())
    assert (np.diff(index) > 0).all()
    assert taken == len(index) + lost
    assert lost > 0
    assert lost == reader.overruns
    assert reader.malformed == 0
    # what came stands where its number says, so the losses are where they are told to be
    assert (counts == chip.fed_counts(index)).all()


@pytest.mark.slow
def test_the_driver_counts_what_an_overloaded_line_lost(running, overloaded, generated) -> None:
    with running(overloaded, generated) as chip:
        with opened(chip.port) as sensor:
            index, microvolts = collect(sensor, 2000)
            counters = sensor.counters
        chip.stop()
    assert counters.lost > 0
    assert counters.received == len(index)
    assert counters.received + counters.lost == index[-1] - index[0] + 1
    exact = (chip.fed_counts(index) - 512) * MICROVOLTS_PER_COUNT
    np.testing.assert_allclose(microvolts, exact, rtol=1e-6)


@pytest.mark.slow
def test_a_brown_out_is_a_reboot_and_the_stream_goes_on(running, fast, generated) -> None:
    with running(fast, generated) as chip:
        told: list[str] = []
        with opened(chip.port, told.append) as sensor:
            before, _ = collect(sensor, 500)
            chip.reset()
            after, _ = collect(sensor, 1500)
        chip.stop()
    assert (np.diff(np.concatenate([before, after])) > 0).all()
    assert chip.n_boots == 1 + sensor.counters.reboots == 2, told
    assert sensor.counters.lost_in_outages > 0
    assert sensor.counters.malformed <= 1, told  # the frame that was cut


@pytest.mark.slow
def test_it_says_what_it_is_every_two_seconds_and_when_asked(running, fast, generated) -> None:
    with running(fast, generated) as chip, Port(chip.port, 1_000_000) as port:
        reader = EdgeemgReader()
        times_us = []
        for _ in range(3):
            before = reader.info
            listen(port, reader, [], lambda: reader.info is not before)  # noqa: B023  # at once
            times_us.append(reader.info.time_us)
        # a beacon waits for the line at most as long as one frame takes
        assert np.diff(times_us).tolist() == pytest.approx([2e6, 2e6], abs=2000)
        assert reader.about == "edgeemg-avr 1.0.0"
        assert (reader.info.streaming, reader.overruns, reader.malformed) == (False, 0, 0)

        asked = reader.info
        port.write(b"i")
        listen(port, reader, [], lambda: reader.info is not asked)
        assert reader.info.time_us - asked.time_us < 1.9e6


@pytest.mark.slow
def test_noise_and_a_flood_of_commands_neither_stop_nor_confuse_it(
    running, fast, generated
) -> None:
    with running(fast, generated) as chip, Port(chip.port, 1_000_000) as port:
        reader, frames = EdgeemgReader(), []
        port.write(b"b")
        listen(port, reader, frames, lambda: sum(map(len, frames)) >= 100)
        for _ in range(20):
            port.write(bytes(one for one in range(256) if one != ord("s")) + b"i" * 30)
        listen(port, reader, frames, lambda: sum(map(len, frames)) >= 1000)
        chip.stop()
    index = np.concatenate([run.counter for run in frames])
    assert reader.malformed == 0
    assert (np.diff(index) == 1).all(), "a flood of commands must not push samples off the line"


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        (("BAUD=115200UL",), "more_than_80_percent_of_the_line"),
        (("BAUD=230400UL",), "baud_is_off_by_more_than_2_5_percent"),
    ],
)
def test_a_line_that_is_too_slow_or_off_does_not_build(build, settings, complaint) -> None:
    made, elf = build(*settings)
    assert made.returncode != 0
    assert complaint in made.stderr
    assert not elf.exists()


def listen(port: Port, reader: EdgeemgReader, frames: list[Frames], enough) -> None:
    """Read on until `enough()`."""
    deadline = time.monotonic() + PATIENCE_S
    while not enough():
        assert time.monotonic() < deadline, reader.info
        frames += reader.feed(port.read())
