import os
import threading
import time
from collections.abc import Iterator

import pytest

from firmware_bridge.pseudo_terminals import PseudoTerminal

MORE_THAN_IT_HOLDS = bytes(range(256)) * 400


@pytest.fixture
def line() -> Iterator[PseudoTerminal]:
    opened = PseudoTerminal()
    yield opened
    opened.close()


def reader(line: PseudoTerminal, heard: bytearray, *, late_s: float) -> threading.Thread:
    port = os.open(line.port_name, os.O_RDWR | os.O_NOCTTY)

    def read() -> None:
        time.sleep(late_s)
        while len(heard) < len(MORE_THAN_IT_HOLDS):
            heard.extend(os.read(port, 4096))
        os.close(port)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread


def test_a_reader_that_a_busy_machine_held_up_gets_all_of_a_burst(line: PseudoTerminal) -> None:
    heard = bytearray()
    thread = reader(line, heard, late_s=0.02)
    line.send(MORE_THAN_IT_HOLDS)
    thread.join(10)
    assert line.overflowed_bytes == 0
    assert heard == MORE_THAN_IT_HOLDS


def test_without_a_reader_what_has_no_room_is_dropped_and_counted(line: PseudoTerminal) -> None:
    line.send(MORE_THAN_IT_HOLDS)
    assert 0 < line.overflowed_bytes < len(MORE_THAN_IT_HOLDS)
    assert not line.waiting
    before = line.overflowed_bytes
    line.send(b"more")
    assert line.overflowed_bytes == before + 4


def test_a_lossless_line_keeps_what_has_no_room() -> None:
    line = PseudoTerminal(lossless=True)
    line.send(MORE_THAN_IT_HOLDS)
    assert line.waiting
    heard = bytearray()
    thread = reader(line, heard, late_s=0.0)
    ends = time.monotonic() + 10
    while line.waiting and time.monotonic() < ends:
        line.wait(0.05)
        line.send(b"")
    thread.join(10)
    assert heard == MORE_THAN_IT_HOLDS
    assert line.overflowed_bytes == 0
    line.close()
