import os
import time
import tty
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np

from firmware_bridge.devices import find_device
from firmware_bridge.devices.cyton import encode
from firmware_bridge.reopening import Patience, reopen

SENDS_AT_ONCE = replace(find_device("cyton"), hello=(), poke=b"")
PACKETS = b"".join(encode(np.zeros((3, 8))))


def test_waits_double_up_to_a_limit_and_no_two_programs_wait_alike() -> None:
    patience = Patience(first_s=0.25, most_s=5.0)
    waits = list(islice(patience.waits(), 9))
    for wait_s, most_s in zip(waits, [0.25, 0.5, 1, 2, 4, 5, 5, 5, 5], strict=True):
        assert 0.75 * most_s <= wait_s <= most_s
    assert waits != list(islice(patience.waits(), 9))


def test_a_port_is_tried_until_it_is_there_and_each_reason_is_told_once(
    tmp_path: Path,
) -> None:
    told: list[str] = []
    link = tmp_path / "emg"
    patience = Patience(first_s=0.01, most_s=0.02)
    steps = reopen(
        str(link), SENDS_AT_ONCE, patience=patience, clock=time.monotonic, tell=told.append
    )
    for _ in range(20):
        next(steps)
    assert len(told) == 1
    assert "no such serial port" in told[0]
    link.symlink_to("/dev/null")
    for _ in range(20):
        next(steps)
    assert len(told) == 2
    assert "cannot be opened as a serial port" in told[1]
    master, slave = os.openpty()
    tty.setraw(slave)
    link.unlink()
    link.symlink_to(os.ttyname(slave))
    port, greeted = outcome(steps, master)
    assert port.name == str(link)
    assert greeted.early
    port.close()
    os.close(master)
    os.close(slave)


def outcome(steps, master: int):
    """What it ends with, while a sensor sends all the time."""
    while True:
        os.write(master, PACKETS)
        try:
            next(steps)
        except StopIteration as done:
            return done.value


def test_giving_up_says_goodbye_and_frees_the_port(terminal) -> None:
    before = sum(1 for _ in Path("/proc/self/fd").iterdir())
    patience = Patience(first_s=0.0)
    steps = reopen(
        terminal.name, SENDS_AT_ONCE, patience=patience, clock=time.monotonic, tell=print
    )
    for _ in range(3):
        next(steps)
    assert sum(1 for _ in Path("/proc/self/fd").iterdir()) > before
    steps.close()
    assert os.read(terminal.master, 10) == SENDS_AT_ONCE.goodbye
    assert sum(1 for _ in Path("/proc/self/fd").iterdir()) == before
