import os
import subprocess
import sys
import termios
import threading
import time
from pathlib import Path

import pytest

from edgeemg.errors import PortError
from firmware_bridge.ports import Port


def test_what_is_sent_is_read_in_one_piece(terminal) -> None:
    with Port(terminal.name, 115200) as port:
        os.write(terminal.master, bytes(range(256)) * 4)
        assert port.read() == bytes(range(256)) * 4


def test_what_comes_soon_after_the_first_byte_comes_in_the_same_read(terminal) -> None:
    with Port(terminal.name, 115200, gather_s=0.5) as port:
        later = threading.Timer(0.02, os.write, (terminal.master, b"two"))
        os.write(terminal.master, b"one ")
        later.start()
        assert port.read() == b"one two"
        later.join()


def test_one_read_may_gather_longer_up_to_a_tenth_of_a_second(terminal) -> None:
    with Port(terminal.name, 115200, gather_s=0.0) as port:
        later = threading.Timer(0.02, os.write, (terminal.master, b"two"))
        os.write(terminal.master, b"one ")
        later.start()
        began = time.monotonic()
        assert port.read(600.0) == b"one two"
        assert time.monotonic() - began < 20
        later.join()


def test_a_long_backlog_is_read_to_its_end(terminal) -> None:
    with Port(terminal.name, 115200) as port:
        backlog = bytes(range(256)) * 48
        sent = os.write(terminal.master, backlog)
        assert sent > 4096  # more than the kernel hands out at once
        got, reads = b"", 0
        while len(got) < sent and reads < 20:
            got += port.read()
            reads += 1
        assert got == backlog[:sent]


def test_a_quiet_port_gives_nothing_soon(terminal) -> None:
    with Port(terminal.name, 115200) as port:
        start = time.monotonic()
        cpu = time.process_time()
        assert port.read() == b""
        assert 0.02 < time.monotonic() - start < 0.5
        assert time.process_time() - cpu < 0.03  # it sleeps, it does not poll


def test_a_command_reaches_the_other_end(terminal) -> None:
    with Port(terminal.name, 115200) as port:
        os.set_blocking(terminal.master, True)
        port.write(b"v")
        assert os.read(terminal.master, 10) == b"v"


def test_a_port_that_does_not_exist_is_named_and_the_others_are_listed() -> None:
    with pytest.raises(PortError, match=r"/dev/ttyNONE9: no such serial port.*(found here|here:)"):
        Port("/dev/ttyNONE9", 115200)


def test_a_link_to_a_simulator_that_ended_is_explained(tmp_path: Path) -> None:
    (tmp_path / "emg").symlink_to(tmp_path / "gone")
    with pytest.raises(PortError, match=r"a link to .*gone, which is gone"):
        Port(str(tmp_path / "emg"), 115200)


@pytest.mark.parametrize("name", ["", "."])
def test_a_name_that_is_no_port_is_refused(name: str) -> None:
    with pytest.raises(PortError):
        Port(name, 115200)


def test_a_file_is_not_a_port(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("notes")
    with pytest.raises(PortError, match=r"notes\.txt: cannot be opened as a serial port"):
        Port(str(tmp_path / "notes.txt"), 115200)


def test_a_second_program_is_told_that_the_port_is_busy(terminal) -> None:
    program = "import sys; from firmware_bridge.ports import Port; Port(sys.argv[1], 115200)"
    with Port(terminal.name, 115200):
        second = subprocess.run(
            [sys.executable, "-c", program, terminal.name], capture_output=True, text=True
        )
    assert f"PortError: {terminal.name}: busy, another program holds it" in second.stderr


def test_a_program_that_asks_for_no_lock_is_kept_out_too(terminal, without_privileges) -> None:
    if os.geteuid() == 65534:
        allow_everybody(terminal.name)
    with Port(terminal.name, 115200):
        with pytest.raises(OSError, match="busy"):
            os.open(terminal.name, os.O_RDWR | os.O_NOCTTY)
        with pytest.raises(PortError, match="busy"):
            Port(terminal.name, 115200)


def test_a_closed_port_can_be_opened_again(terminal, without_privileges) -> None:
    if os.geteuid() == 65534:
        allow_everybody(terminal.name)
    Port(terminal.name, 115200).close()
    port = Port(terminal.name, 115200)
    port.close()
    port.close()


def test_no_permission_names_the_group(terminal, without_privileges) -> None:
    if os.geteuid() != 65534:
        Path(terminal.name).chmod(0)
    with pytest.raises(PortError, match=r"no permission.*dialout"):
        Port(terminal.name, 115200)


def test_unplugging_in_use_is_a_port_error_when_reading(terminal) -> None:
    with Port(terminal.name, 115200) as port:
        terminal.unplug()
        with pytest.raises(PortError, match=f"{terminal.name}: lost in use.*unplugged"):
            port.read()


def test_unplugging_in_use_is_a_port_error_when_writing(terminal) -> None:
    with Port(terminal.name, 115200) as port:
        terminal.unplug()
        with pytest.raises(PortError, match="lost in use"):
            port.write(b"s")


def test_a_port_that_was_unplugged_leaves_nothing_open(terminal) -> None:
    open_before = open_files()
    port = Port(terminal.name, 115200)
    terminal.unplug()
    port.close()
    assert open_files() == open_before - 2  # both ends of the terminal


def test_a_port_that_cannot_be_kept_to_oneself_leaves_nothing_open(terminal, monkeypatch) -> None:
    monkeypatch.setattr(termios, "TIOCEXCL", 0)  # no such request: the kernel refuses it
    open_before = open_files()
    with pytest.raises(PortError, match="cannot be opened as a serial port") as error:
        Port(terminal.name, 115200)
    assert open_files() == open_before
    assert error.value.__traceback__ is not None  # holds the port: it was closed, not freed


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def allow_everybody(name: str) -> None:
    os.seteuid(0)
    Path(name).chmod(0o666)
    os.seteuid(65534)


def test_another_baud_rate_forgets_what_came_at_the_last(terminal) -> None:
    with Port(terminal.name, 230400) as port:
        os.write(terminal.master, b"noise")
        time.sleep(0.05)
        port.baud = 115200
        assert port.baud == 115200
        os.write(terminal.master, b"sense")
        assert port.read() == b"sense"


def test_unplugging_while_the_baud_rate_is_set_is_a_port_error(terminal) -> None:
    with Port(terminal.name, 230400) as port:
        terminal.unplug()
        with pytest.raises(PortError, match="lost in use"):
            port.baud = 115200


def test_an_error_that_pyserial_lets_through_is_a_port_error(terminal, monkeypatch) -> None:
    """A setting that races an unplug ends in termios.error, which is no OSError."""
    with Port(terminal.name, 230400) as port:

        def unplugged(*_: object) -> None:
            raise termios.error(5, "Input/output error")

        monkeypatch.setattr(termios, "tcsetattr", unplugged)
        with pytest.raises(PortError, match="lost in use"):
            port.baud = 115200


def test_a_terminal_has_no_latency_timer(terminal) -> None:
    with Port(terminal.name, 115200) as port:
        assert port.latency_ms is None


def test_the_latency_timer_is_set_where_the_flag_does_not_do(
    terminal, monkeypatch, tmp_path: Path
) -> None:
    timer = tmp_path / "latency_timer"
    timer.write_text("16")
    monkeypatch.setattr("firmware_bridge.ports.latency_timer", lambda name: timer)
    monkeypatch.setattr(
        "firmware_bridge.ports.latency_timer_ms", lambda name: int(timer.read_text())
    )
    with Port(terminal.name, 115200) as port:
        assert port.latency_ms == 1
    assert timer.read_text() == "1"
