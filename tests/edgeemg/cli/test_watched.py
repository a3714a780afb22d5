"""`edgeemg run` under a service manager: a stand-in for systemd, and the real command."""

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

WATCHDOG_S = 2.0  # what the service is told
SLOW_MACHINE_S = 60.0  # how long the manager waits all the same: nothing may depend on speed
PATIENCE_S = 180.0  # of a test


class Manager:
    """What systemd does with Type=notify, WatchdogSec= and Restart=always, on a real socket.

    A service that is silent for `patience_s` gets SIGABRT, then SIGKILL, and is started again.
    `kicks` and `is_ready` are of the start that runs, `messages` and `statuses` of all.
    """

    def __init__(self, folder: Path, *command: object) -> None:
        self._command = [str(one) for one in command]
        self._address = folder / "notify"
        self._errors = folder / "errors"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(self._address))
        self._over = False
        self.service: subprocess.Popen[bytes]
        self.patience_s = SLOW_MACHINE_S
        self.starts = 0
        self.kicks = 0
        self.is_ready = False
        self.statuses: deque[str] = deque(maxlen=1000)
        self.messages: deque[str] = deque(maxlen=1000)
        self._start()
        self._thread = threading.Thread(target=self._look_after, daemon=True)
        self._thread.start()

    def _start(self) -> None:
        self.kicks, self.is_ready = 0, False
        usec = str(int(WATCHDOG_S * 1e6))
        environment = {
            **os.environ,
            "NOTIFY_SOCKET": str(self._address),
            "WATCHDOG_USEC": usec,
            "PYTHONFAULTHANDLER": "1",
        }
        environment.pop("WATCHDOG_PID", None)
        with self._errors.open("ab") as errors:
            self.service = subprocess.Popen(
                self._command, stdout=subprocess.DEVNULL, stderr=errors, env=environment
            )
        self.starts += 1

    def _look_after(self) -> None:
        heard_s: float | None = None  # systemd counts from READY=1
        while not self._over:
            if select.select([self._socket], [], [], 0.05)[0]:
                for line in self._socket.recv(4096).decode().splitlines():
                    self._hear(line)
                    heard_s = time.monotonic() if heard_s or line == "READY=1" else None
            hung = heard_s is not None and time.monotonic() - heard_s > self.patience_s
            if hung or self.service.poll() is not None:
                self._end()
                if not self._over:
                    heard_s = None
                    self._start()

    def _hear(self, line: str) -> None:
        self.kicks += line == "WATCHDOG=1"
        self.is_ready |= line == "READY=1"
        if line.startswith("STATUS="):
            self.statuses.append(line)
        elif line != "WATCHDOG=1":
            self.messages.append(line.partition("=")[0])

    def _end(self) -> None:
        self.service.send_signal(signal.SIGABRT)
        self.service.send_signal(signal.SIGCONT)  # as systemd does, for one that is stopped
        try:
            self.service.wait(SLOW_MACHINE_S)
        except subprocess.TimeoutExpired:
            self.service.kill()
            self.service.wait()

    def errors(self) -> str:
        return self._errors.read_text()

    def until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < deadline, (list(self.messages), self.errors())
            time.sleep(0.02)

    def until_ready(self, *, kicks: int) -> None:
        """Until it streams, and has kicked so often since its start."""
        self.until(lambda: self.is_ready and self.kicks >= kicks)

    def stop(self) -> None:
        """SIGTERM, and its end; its exit code is `service.returncode`."""
        self._over = True
        self._thread.join()
        self.service.terminate()
        self.service.wait(PATIENCE_S)

    def close(self) -> None:
        self._over = True
        self._thread.join()
        self.service.kill()
        self.service.wait()
        self._socket.close()


@pytest.fixture
def managed(tmp_path: Path) -> Iterator[Callable[..., Manager]]:
    with contextlib.ExitStack() as stack:

        def start(*arguments: object) -> Manager:
            manager = Manager(tmp_path, sys.executable, "-m", "edgeemg", "run", *arguments)
            stack.callback(manager.close)
            return manager

        yield start


def test_it_is_ready_once_the_sensor_streams_and_kicks_from_then_on(
    managed, simulated, tiny_bundle, tiny_recording, tmp_path
) -> None:
    with simulated(tiny_recording, tmp_path / "emg", "--loop") as port:
        manager = managed(tiny_bundle, "--port", port)
        manager.until(lambda: "READY" in manager.messages)
        manager.until(lambda: any("Cyton" in one for one in manager.statuses))
        manager.until(lambda: manager.kicks >= 8)
        manager.until(lambda: any("decisions" in one for one in manager.statuses))
        assert manager.starts == 1
        manager.stop()
    assert manager.service.returncode == 0
    assert "samples " in manager.errors().splitlines()[-1]


def test_a_hung_loop_is_started_again_and_decides_again(
    managed, simulated, tiny_bundle, tiny_recording, tmp_path
) -> None:
    with simulated(tiny_recording, tmp_path / "emg", "--loop") as port:
        manager = managed(tiny_bundle, "--port", port)
        manager.until_ready(kicks=2)
        hung = manager.service
        hung.send_signal(signal.SIGSTOP)
        manager.patience_s = WATCHDOG_S
        manager.until(lambda: hung.returncode is not None)
        manager.patience_s = SLOW_MACHINE_S
        assert hung.returncode == -signal.SIGABRT
        manager.until(lambda: manager.starts >= 2)
        manager.until_ready(kicks=4)


HANGS = """
import sys, threading
from edgeemg.runtime.decisions import Decider

feed = Decider.feed
def hang(self, *values, **named):
    threading.Event().wait()  # for ever: the decision loop, and nothing else
Decider.feed = hang
sys.argv[1:1] = ["run"]
from edgeemg.cli.main import main
main()
"""


def test_a_loop_that_hangs_beside_a_reader_that_lives_is_started_again_and_tells_where(
    simulated, tiny_bundle, tiny_recording, tmp_path
) -> None:
    with simulated(tiny_recording, tmp_path / "emg", "--loop") as port:
        manager = Manager(tmp_path, sys.executable, "-c", HANGS, tiny_bundle, "--port", port)
        try:
            manager.patience_s = WATCHDOG_S
            manager.until(lambda: "in hang" in manager.errors())  # where it hung, as it was aborted
            assert "Fatal Python error: Aborted" in manager.errors()
            manager.until(lambda: manager.starts >= 2)
        finally:
            manager.close()


def test_a_sensor_that_is_unplugged_is_no_hung_loop_and_it_ends_all_the_same(
    managed, simulated, tiny_bundle, tiny_recording, tmp_path
) -> None:
    with simulated(tiny_recording, tmp_path / "emg", "--loop") as port:
        manager = managed(tiny_bundle, "--port", port)
        manager.until_ready(kicks=2)
    kicked = manager.kicks
    manager.until(lambda: manager.kicks >= kicked + 8)  # two times what it was told to keep to
    assert manager.starts == 1
    manager.stop()
    assert manager.service.returncode == 0
    assert "STOPPING" not in manager.messages  # nobody listens any more
    assert any(line.startswith(("samples ", "wire_")) for line in manager.errors().splitlines())


def test_a_sensor_that_was_never_there_is_waited_for_alive_and_ends(
    managed, tiny_bundle, tmp_path
) -> None:
    manager = managed(tiny_bundle, "--port", tmp_path / "no-port", "--wait")
    manager.until(lambda: manager.kicks >= 8)
    assert manager.starts == 1
    assert any("waits for the sensor" in one for one in manager.statuses)
    manager.stop()
    assert manager.service.returncode == 0


def test_a_reload_is_announced_and_ends_ready(
    managed, simulated, tiny_bundle, tiny_recording, tmp_path
) -> None:
    with simulated(tiny_recording, tmp_path / "emg", "--loop") as port:
        manager = managed(tiny_bundle, "--port", port)
        manager.until_ready(kicks=2)
        manager.service.send_signal(signal.SIGHUP)
        manager.until(lambda: manager.messages.count("READY") == 2)
        assert list(manager.messages) == ["READY", "RELOADING", "MONOTONIC_USEC", "READY"]
        kicked = manager.kicks
        manager.until(lambda: manager.kicks >= kicked + 4)
        assert manager.starts == 1


def test_a_manager_that_is_not_there_is_told_at_the_end(
    simulated, tiny_bundle, tiny_recording, tmp_path
) -> None:
    with simulated(tiny_recording, tmp_path / "emg") as port:
        done = subprocess.run(
            [sys.executable, "-m", "edgeemg", "run", tiny_bundle, "--port", port, "--seconds", "1"],
            env=os.environ | {"NOTIFY_SOCKET": str(tmp_path / "nobody")},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            timeout=PATIENCE_S,
        )
    assert done.returncode == 0, done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.endswith("messages did not reach systemd, at $NOTIFY_SOCKET")
    assert int(last.split()[1]) >= 3  # at least: loading, ready, stopping
