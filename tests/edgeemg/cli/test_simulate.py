import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from edgeemg.cli.simulate import simulate
from edgeemg.data.bids import read_recording, write_recording
from edgeemg.dsp.samples import Recording, Samples, join
from edgeemg.errors import EdgeEmgError, PortError, RecordingError
from firmware_bridge.devices import find_device
from firmware_bridge.devices.cyton import STREAM
from firmware_bridge.sensor import open_sensor


def recording(
    *,
    n: int = 500,
    rate_hz: float = 250.0,
    run: str = "1",
    scale: float = 1.0,
    breaks: bool = False,
) -> Recording:
    """Two channels of noise: whole counts of a Cyton, unless scaled."""
    counts = np.random.default_rng(int(run)).normal(0, 4000, (n, 2)).round()
    microvolts = (counts * STREAM.microvolts_per_count * scale).astype(np.float32)
    index = np.arange(n, dtype=np.int64)
    index[n // 2 :] += 100 * breaks
    samples = Samples(microvolts, rate_hz, index, np.ones((n, 2), np.bool_))
    about = {"MicrovoltsPerCount": STREAM.microvolts_per_count} if scale == 1 else {}
    return Recording(samples, (), ("chin", "throat"), "01", "A", "covert", run, 50.0, True, about)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_recording(recording(), tmp_path)
    return tmp_path


@contextmanager
def simulated(*arguments: object) -> Iterator["subprocess.Popen[str]"]:
    """The verb as a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "edgeemg", "simulate", *map(str, arguments)],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for(link: Path) -> str:
    end = time.monotonic() + 30
    while not link.exists():
        assert time.monotonic() < end, "the simulated port did not appear"
        time.sleep(0.02)
    return str(link)


def hear(port_name: str, last_row: int) -> Samples:
    pieces: list[Samples] = []
    with open_sensor(port_name, find_device("cyton"), reconnect=False) as sensor:
        for samples in sensor:
            pieces.append(samples)
            if len(samples) and samples.index[-1] >= last_row:
                break
    return join(pieces)


def test_what_is_played_is_what_the_file_holds_bit_for_bit(folder: Path) -> None:
    link = folder / "port"
    (path,) = folder.rglob("*_emg.bdf")
    with simulated(folder, "--device", "cyton", "--link", link, "--speed", 10) as process:
        live = hear(wait_for(link), 499)
        told, errors = process.communicate(timeout=20)
    stored = read_recording(path).samples
    assert np.array_equal(live.microvolts[:, :2], stored.microvolts)
    assert live.index.tolist() == stored.index.tolist()
    assert live.valid.all(axis=0).tolist() == [True] * 2 + [False] * 6
    assert process.returncode == 0
    assert told == ""
    assert f"simulated OpenBCI Cyton on {link}: generated EMG, sub-01_ses-A" in errors
    assert "inputs: 1 chin, 2 throat; the others open (railed)" in errors
    assert "sent 500 samples, lost 0 on purpose, 0 bytes for want of a reader" in errors
    assert "differ" not in errors
    assert not link.is_symlink()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_and_removes_the_link(folder: Path, number: int) -> None:
    link = folder / "port"
    with simulated(folder, "--link", link, "--loop") as process:
        wait_for(link)
        hear(str(link), 10)
        process.send_signal(number)
        _, errors = process.communicate(timeout=10)
    assert process.returncode == 0
    assert "Traceback" not in errors
    assert "in a loop" in errors
    assert not link.is_symlink()


def test_dropped_packets_are_lost_and_said(folder: Path) -> None:
    link = folder / "port"
    arguments = ("--link", link, "--speed", 10, "--drop", 0.1, "--seed", 3)
    with simulated(folder, *arguments) as process:
        live = hear(wait_for(link), 450)
        process.terminate()
        _, errors = process.communicate(timeout=20)
    index = live.index
    lost = index[-1] - index[0] + 1 - len(live)
    assert 20 < lost < 90
    said = int(errors.rsplit(" on purpose")[0].rsplit(" ", 1)[1])
    assert lost <= said < lost + 20  # it may go on until it hears that its reader has left


def test_one_of_several_is_chosen_by_name(folder: Path) -> None:
    write_recording(recording(run="2", n=100), folder)
    link = folder / "port"
    name = "sub-01_ses-A_task-covert_run-2"
    with simulated(folder, "--link", link, "--recording", name, "--speed", 10) as process:
        live = hear(wait_for(link), 99)
        _, errors = process.communicate(timeout=20)
    assert np.array_equal(live.microvolts[:, :2], recording(run="2", n=100).samples.microvolts)
    assert name in errors


def refusal(*arguments: object) -> EdgeEmgError:
    """The error with which the verb refuses to play."""
    result = CliRunner().invoke(simulate, [str(argument) for argument in arguments])
    assert isinstance(result.exception, EdgeEmgError), result.output
    return result.exception


def test_a_name_that_is_not_there_is_answered_with_those_that_are(folder: Path) -> None:
    error = refusal(folder, "--recording", "sub-09")
    assert isinstance(error, RecordingError)
    assert "holds no recording sub-09: it holds sub-01_ses-A_task-covert_run-1" in str(error)


def test_a_folder_without_recordings_is_refused(tmp_path: Path) -> None:
    assert isinstance(refusal(tmp_path), RecordingError)


def test_another_rate_is_refused(tmp_path: Path) -> None:
    path = write_recording(recording(rate_hz=500.0), tmp_path)
    assert "has 500 Hz, and the OpenBCI Cyton sends 250 Hz" in str(refusal(path))


def test_a_signal_beyond_the_range_is_refused_and_the_advice_works(tmp_path: Path) -> None:
    path = write_recording(recording(scale=1e4, n=50), tmp_path)
    said = str(refusal(path))
    assert "and the OpenBCI Cyton ends at 187500 uV: scale it down with --gain-scale" in said
    scale = said.rsplit(" ", 1)[1]
    link = tmp_path / "port"
    arguments = ("--link", link, "--gain-scale", scale, "--speed", 10)
    with simulated(path, *arguments) as process:
        live = hear(wait_for(link), 49)
        _, errors = process.communicate(timeout=20)
    assert live.valid[:, :2].all()
    assert "its values differ from the recording's by up to" in errors


def test_breaks_in_time_are_said_to_be_closed_up(tmp_path: Path) -> None:
    path = write_recording(recording(breaks=True, n=60), tmp_path)
    link = tmp_path / "port"
    with simulated(path, "--link", link, "--speed", 10) as process:
        assert hear(wait_for(link), 59).index.tolist() == list(range(60))
        _, errors = process.communicate(timeout=20)
    assert "the recording has 1 breaks in time" in errors
    assert "decisions differ from those on the recording" in errors


def test_values_that_are_not_known_are_said_to_be_sent_as_the_rail(tmp_path: Path) -> None:
    whole = recording(n=60)
    whole.samples.microvolts[10:13, 1] = np.nan
    path = write_recording(whole, tmp_path)
    link = tmp_path / "port"
    with simulated(path, "--link", link, "--speed", 10) as process:
        live = hear(wait_for(link), 59)
        _, errors = process.communicate(timeout=20)
    assert np.flatnonzero(~live.valid[:, 1]).tolist() == [10, 11, 12]
    assert "3 of its values are not known: they are sent as the lower rail" in errors
    assert "differ from the recording's" not in errors


@pytest.mark.parametrize("option", ["--speed", "--gain-scale", "--drop"])
@pytest.mark.parametrize("number", ["nan", "inf", "-1"])
def test_a_number_that_is_none_is_bad_usage(folder: Path, option: str, number: str) -> None:
    result = CliRunner().invoke(simulate, [str(folder), option, number])
    assert result.exit_code == 2
    assert f"Invalid value for '{option}'" in result.output


def test_an_unknown_device_is_refused(folder: Path) -> None:
    error = refusal(folder, "--device", "toaster")
    assert isinstance(error, PortError)
    assert "known are: edgeemg, cyton" in str(error)


def test_a_bad_input_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    with simulated(tmp_path / "nowhere") as process:
        told, errors = process.communicate(timeout=30)
    assert process.returncode == 2
    assert told == ""
    assert errors.startswith("edgeemg: ")
    assert errors.count("\n") == 1


def test_help_shows_examples() -> None:
    told = CliRunner().invoke(simulate, ["--help"]).output
    assert "edgeemg simulate rec --device cyton --link /tmp/emg" in told
    assert os.linesep in told


def test_channels_named_by_their_input_are_played_on_it(tmp_path: Path) -> None:
    whole = recording()
    path = write_recording(replace(whole, channels=("Channel_6", "Channel_2")), tmp_path / "rec")
    with simulated(path, "--link", tmp_path / "emg", "--speed", 50) as process:
        samples = hear(wait_for(tmp_path / "emg"), last_row=400)
        process.terminate()
        _, said = process.communicate()
    np.testing.assert_array_equal(
        samples.microvolts[:, [5, 1]], whole.samples.microvolts[: len(samples)]
    )
    assert not samples.valid[:, [0, 2, 3, 4, 6, 7]].any()
    assert "6 Channel_6, 2 Channel_2" in said


def test_faults_are_played_and_accounted_for(folder: Path) -> None:
    link = folder / "port"
    arguments = ("--link", link, "--speed", 10, "--flip", 1e-4, "--insert", 1e-4, "--stall", 1, 0.1)
    with simulated(folder, *arguments, "--loop") as process:
        hear(wait_for(link), 2000)
        process.terminate()
        _, errors = process.communicate(timeout=20)
    assert " x stall" in errors
    assert " bytes flipped, " in errors
    assert int(errors.rsplit(" on purpose")[0].rsplit(" ", 1)[1]) >= 100


def test_the_runtime_side_goes_on_over_an_unplugged_cable(folder: Path) -> None:
    link = folder / "port"
    arguments = ("--link", link, "--unplug-after", 1, "--replug-after", 0.3, "--loop")
    told: list[str] = []
    received = 0
    with simulated(folder, *arguments) as process:
        port_name = wait_for(link)
        deadline = time.monotonic() + 60
        with open_sensor(port_name, find_device("cyton"), tell=told.append) as sensor:
            for samples in sensor:
                received += len(samples)
                if sensor.counters.reconnects >= 2 or time.monotonic() > deadline:
                    break
        process.terminate()
        _, errors = process.communicate(timeout=20)
    assert sensor.counters.reconnects >= 2, told
    assert sensor.counters.lost_in_outages > 0
    assert " x unplug" in errors
    assert "Traceback" not in errors


def test_a_sensor_that_can_be_set_plays_at_the_rate_of_its_recording(tmp_path: Path) -> None:
    write_recording(recording(rate_hz=500.0, scale=0.5), tmp_path)
    link = tmp_path / "port"
    arguments = ("--device", "edgeemg", "--link", link)
    with simulated(tmp_path, *arguments):
        wait_for(link)
        with open_sensor(str(link), find_device("edgeemg")) as sensor:
            assert sensor.stream.sample_rate_hz == 500.0
            assert sensor.stream.n_channels == 2
