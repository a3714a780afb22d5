"""The command line as a user meets it: a process with arguments, streams and an exit code."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
Simulated = Callable[..., AbstractContextManager[str]]


@pytest.fixture(scope="session")
def edgeemg() -> Run:
    """`edgeemg(*arguments)` runs the command and gives what it printed and its exit code."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "edgeemg", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=300)

    return run


@pytest.fixture(scope="session")
def simulated() -> Simulated:
    """`with simulated(recording, link, *arguments) as port`: a sensor in a process of its own."""

    @contextmanager
    def start(recording: Path, link: Path, *arguments: object) -> Iterator[str]:
        command = [sys.executable, "-m", "edgeemg", "simulate", recording, "--link", link]
        sensor = subprocess.Popen(
            [*map(str, command), *map(str, arguments)], stderr=subprocess.PIPE
        )
        try:
            deadline = time.monotonic() + 30
            while not link.exists() and sensor.poll() is None and time.monotonic() < deadline:
                time.sleep(0.02)
            assert link.exists(), sensor.communicate()[1].decode()
            yield str(link)
        finally:
            sensor.terminate()
            sensor.communicate()

    return start


@pytest.fixture(scope="session")
def tiny_recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generated EMG on four channels, twenty seconds, named as the tiny bundle's are."""
    from dataclasses import replace

    from edgeemg.data.bids import write_recording
    from edgeemg.data.synth import make_recordings

    (whole,) = make_recordings(words=2, repetitions=4, channels=4, seed=3)
    rows = slice(0, 5000)
    short = replace(
        whole,
        samples=whole.samples[rows],
        channels=("EMG1", "EMG2", "EMG3", "EMG4"),
        events=tuple(one for one in whole.events if one.index + one.length <= 5000),
    )
    return write_recording(short, tmp_path_factory.mktemp("rec"))
