import os
import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edgeemg.dsp.samples import Samples
from edgeemg.runtime.notify import Notifier, Watchdog

NOTHING = Samples.contiguous(np.empty((0, 4)), 250.0)


class Manager:
    """A real socket, as a service manager listens on."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(f"\0{address[1:]}" if address.startswith("@") else address)
        self.socket.settimeout(0)

    def heard(self) -> list[str]:
        messages = []
        try:
            while True:
                messages.append(self.socket.recv(4096).decode())
        except BlockingIOError:
            return messages


@pytest.fixture(params=["a path", "an abstract name"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    name = f"@edgeemg-test-{os.getpid()}"
    listening = Manager(str(tmp_path / "notify") if request.param == "a path" else name)
    yield listening
    listening.socket.close()


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_what_it_tells_arrives_whole(manager: Manager) -> None:
    notifier = Notifier.from_environment({"NOTIFY_SOCKET": manager.address})
    notifier.ready("decides on Cyton")
    notifier.kick()
    notifier.status("3 decisions")
    notifier.stopping()
    assert manager.heard() == [
        "READY=1\nSTATUS=decides on Cyton",
        "WATCHDOG=1",
        "STATUS=3 decisions",
        "STOPPING=1",
    ]
    assert notifier.unheard == 0


def test_a_reload_states_the_moment_by_the_clock_that_the_manager_reads(manager: Manager) -> None:
    notifier = Notifier(manager.address)
    before_us = time.monotonic_ns() // 1000
    notifier.reloading()
    notifier.ready()
    reloading, ready = manager.heard()
    found = re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=(\d+)", reloading)
    assert found
    assert before_us <= int(found[1]) <= time.monotonic_ns() // 1000
    assert ready == "READY=1"
    notifier.close()


def test_a_status_stays_one_line(manager: Manager) -> None:
    notifier = Notifier(manager.address)
    notifier.status("a port\nREADY=1 \x00 \udcff" + "x" * 9000)
    (message,) = manager.heard()
    assert "\n" not in message
    assert message.startswith("STATUS=a port READY=1")
    notifier.close()


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1"}])
def test_without_a_manager_nothing_happens(environment: dict[str, str]) -> None:
    notifier = Notifier.from_environment({**environment, "WATCHDOG_USEC": "1000000"})
    notifier.ready("x")
    notifier.kick()
    notifier.stopping()
    assert not notifier.listened_to
    assert notifier.watchdog_s is None
    assert notifier.unheard == 0


def test_a_manager_that_went_away_raises_nothing_and_is_counted(tmp_path: Path) -> None:
    listening = Manager(str(tmp_path / "notify"))
    notifier = Notifier(listening.address)
    notifier.ready()
    listening.socket.close()
    notifier.kick()
    (tmp_path / "notify").unlink()
    notifier.kick()
    assert notifier.unheard == 2
    again = Manager(listening.address)
    notifier.kick()
    assert again.heard() == ["WATCHDOG=1"]
    again.socket.close()
    notifier.close()


def test_a_manager_that_does_not_read_delays_no_kick(tmp_path: Path) -> None:
    listening = Manager(str(tmp_path / "notify"))
    notifier = Notifier(listening.address)
    deadline = time.monotonic() + 60
    while not notifier.unheard and time.monotonic() < deadline:
        notifier.kick()
    assert notifier.unheard == 1
    listening.socket.close()
    notifier.close()


@pytest.mark.parametrize(
    ("usec", "pid", "expected"),
    [
        ("10000000", "", 10.0),
        ("10000000", "ours", 10.0),
        ("10000000", "1", None),
        ("0", "", None),
        ("-5", "", None),
        ("soon", "", None),
        ("", "", None),
    ],
)
def test_the_managers_patience_is_ours_alone(usec: str, pid: str, expected: float | None) -> None:
    told = pid.replace("ours", str(os.getpid()))
    asked = {"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": usec, "WATCHDOG_PID": told}
    assert Notifier.from_environment(asked).watchdog_s == expected


def test_the_watchdog_is_kicked_more_than_twice_in_the_managers_patience(manager: Manager) -> None:
    clock = Clock()
    dog = Watchdog(Notifier(manager.address, watchdog_s=10), lambda: True, clock=clock)
    kicked_s = []
    for _ in range(400):
        dog.see(NOTHING)
        if manager.heard():
            kicked_s.append(clock.now_s)
        clock.now_s += 0.1
    assert len(kicked_s) == 16
    assert max(np.diff(kicked_s)) <= 10 / 2


def test_a_reader_that_died_gets_no_kick(manager: Manager) -> None:
    clock = Clock()
    reader = threading.Thread(target=lambda: None)
    dog = Watchdog(Notifier(manager.address, watchdog_s=10), reader.is_alive, clock=clock)
    reader.start()
    reader.join()
    for _ in range(100):
        clock.now_s += 1
        dog.see(NOTHING)
    assert manager.heard() == []


def test_the_status_is_told_now_and_then_also_without_a_watchdog(manager: Manager) -> None:
    clock = Clock()
    told = iter(range(100))
    dog = Watchdog(
        Notifier(manager.address), lambda: True, status=lambda: f"{next(told)} lost", clock=clock
    )
    for _ in range(250):
        dog.see(NOTHING)
        clock.now_s += 0.1
    assert manager.heard() == ["STATUS=0 lost", "STATUS=1 lost", "STATUS=2 lost"]


def test_where_nobody_listens_the_status_is_not_even_asked_for() -> None:
    def status() -> str:
        raise AssertionError("asked")

    dog = Watchdog(Notifier(None), lambda: True, status=status)
    dog.see(NOTHING)
    dog.hear(None, None, 1.0)
