"""A real qemu, which has nothing to start: its socket, its plug, its end."""

import os
import shutil
import subprocess
import time

import pytest

from benchmarks.board.qmp import Qmp
from benchmarks.board.tools import BoardError

COMMAND = ("qemu-system-aarch64", "-M", "virt", "-S", "-display", "none", "-nic", "none")


@pytest.fixture
def qmp(tmp_path, missing):
    """The control socket of a board that is stopped before its first instruction."""
    if shutil.which(COMMAND[0]) is None:
        missing(f"{COMMAND[0]} is not installed; `make board-test` needs it")
    path = tmp_path / "qmp"
    options = ("-device", "qemu-xhci,id=usb", "-qmp", f"unix:{path},server=on,wait=off")
    with subprocess.Popen([*COMMAND, *options], stdin=subprocess.DEVNULL) as qemu:
        deadline_s = time.monotonic() + 60
        while not path.is_socket() and time.monotonic() < deadline_s:
            time.sleep(0.02)
        with Qmp(path, timeout_s=60) as opened:
            yield opened
        qemu.kill()


def test_what_qemu_refuses_is_an_error_with_its_words(qmp):
    with pytest.raises(BoardError, match="device_del: Device 'sensor' not found"):
        qmp.ask("device_del", id="sensor")


def test_an_adapter_goes_in_and_out_and_in_again(qmp):
    terminals = [os.openpty() for _ in range(2)]
    for n, (_, line) in enumerate(terminals):
        backend = {"type": "serial", "data": {"device": os.ttyname(line)}}
        qmp.ask("chardev-add", id=f"line{n}", backend=backend)
        qmp.ask(
            "device_add",
            driver="usb-serial",
            id="sensor",
            bus="usb.0",
            port="1",
            chardev=f"line{n}",
        )
        qmp.ask("device_del", id="sensor")
        qmp.wait_deleted("sensor")
        qmp.ask("chardev-remove", id=f"line{n}")
    for terminal in terminals:
        for one in terminal:
            os.close(one)


def test_a_qemu_that_ends_is_an_error(qmp):
    qmp.ask("quit")
    with pytest.raises(BoardError, match="qemu"):
        qmp.wait_deleted("sensor")
    with pytest.raises(BoardError, match="qemu"):
        qmp.ask("query-status")
