import json
import platform
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from edgeemg.profiler.board import (
    State,
    glance,
    read_machine,
    read_state,
    throttling_now,
    throttling_since_boot,
    why_invalid,
)

NOTHING = State(None, None, None, None, None, None)


def state(word: str | None) -> State:
    return replace(NOTHING, throttled=word)


def test_a_raspberry_pi_is_named_with_its_core(pi_4: Path) -> None:
    machine = read_machine(pi_4)
    assert machine.board == "Raspberry Pi 4 Model B Rev 1.4"
    assert machine.core == "Cortex-A72"
    assert machine.dot_product is False
    assert machine.memory_mb == 3978
    assert machine.system == "Debian GNU/Linux 12 (bookworm)"
    assert machine.name.startswith("Raspberry Pi 4 Model B Rev 1.4 (")


def test_a_pi_5_has_the_dot_product(pi_4: Path) -> None:
    (pi_4 / "proc/cpuinfo").write_text("Features : fp asimd asimddp\nCPU part : 0xd0b\n")
    assert read_machine(pi_4).core == "Cortex-A76"
    assert read_machine(pi_4).dot_product is True


def test_the_state_of_a_raspberry_pi_is_read(pi_4: Path, vcgencmd) -> None:
    vcgencmd("0x50005")
    assert read_state(pi_4) == State("ondemand", 1800.0, 1500.398, 48.199, "0x50005", 0.52)


def kernel_says(root: Path, word: str) -> None:
    path = root / "sys/devices/platform/soc/soc:firmware/get_throttled"
    path.parent.mkdir(parents=True)
    path.write_text(f"{word}\n")


@pytest.mark.parametrize(("word", "read"), [("50005", "0x50005"), ("0", "0x0"), ("nonsense", None)])
def test_where_the_firmware_may_not_be_asked_the_kernel_tells_of_throttling(
    pi_4: Path, monkeypatch: pytest.MonkeyPatch, word: str, read: str | None
) -> None:
    monkeypatch.setenv("PATH", "")
    kernel_says(pi_4, word)
    assert read_state(pi_4).throttled == read
    assert glance(pi_4).throttled == read


def test_the_firmware_knows_more_than_the_kernel(pi_4: Path, vcgencmd) -> None:
    vcgencmd("0x50000")
    kernel_says(pi_4, "0")
    assert read_state(pi_4).throttled == "0x50000"


def test_a_glance_starts_no_program_where_a_file_tells(pi_4: Path, vcgencmd) -> None:
    vcgencmd("0x50000")
    kernel_says(pi_4, "4")
    asked = pi_4.parent / "asked"
    (pi_4.parent / "bin/vcgencmd").write_text(f"#!/bin/sh\ntouch {asked}\n")
    assert glance(pi_4) == State("ondemand", 1800.0, None, 48.199, "0x4", 0.52)
    assert not asked.exists()


def test_a_glance_asks_the_firmware_where_no_file_tells(pi_4: Path, vcgencmd) -> None:
    vcgencmd("0x50005")
    assert glance(pi_4).throttled == "0x50005"
    assert glance(pi_4).measured_clock_mhz is None


def test_what_a_machine_does_not_say_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert read_state(tmp_path) == NOTHING
    machine = read_machine(tmp_path)
    assert (machine.board, machine.cpu, machine.core, machine.dot_product) == (None,) * 4
    assert machine.name.startswith("unknown processor (")


def test_a_firmware_tool_that_fails_says_nothing(pi_4: Path, vcgencmd) -> None:
    vcgencmd("")
    program = pi_4.parent / "bin/vcgencmd"
    program.write_text("#!/bin/sh\necho 'VCHI initialization failed'; exit 255\n")
    assert read_state(pi_4).throttled is None
    assert read_state(pi_4).measured_clock_mhz is None


def test_the_processor_is_measured_not_the_battery(pi_4: Path) -> None:
    zones = pi_4 / "sys/class/thermal"
    (zones / "thermal_zone0/type").write_text("battery\n")
    (zones / "thermal_zone1").mkdir()
    (zones / "thermal_zone1/type").write_text("x86_pkg_temp\n")
    (zones / "thermal_zone1/temp").write_text("61000\n")
    assert read_state(pi_4).temperature_c == 61.0


def test_this_machine_can_be_written_as_json() -> None:
    machine = read_machine()
    assert machine.machine == platform.machine()
    assert machine.python == platform.python_version()
    assert "onnxruntime" in machine.libraries
    json.dumps([asdict(machine), asdict(read_state())], allow_nan=False)


@pytest.mark.parametrize(
    ("word", "now", "since"),
    [
        (None, [], []),
        ("0x0", [], []),
        ("0x1", ["under-voltage"], []),
        ("0x50005", ["under-voltage", "throttled"], ["under-voltage", "throttled"]),
        ("0x80008", ["soft temperature limit"], ["soft temperature limit"]),
        ("0x20000", [], ["clock capped"]),
        ("nonsense", [], []),
    ],
)
def test_the_throttle_word_is_told_in_words(
    word: str | None, now: list[str], since: list[str]
) -> None:
    assert throttling_now(state(word)) == now
    assert throttling_since_boot(state(word)) == since


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        (None, None, None),
        ("0x0", "0x0", None),
        ("0x50000", "0x50000", None),  # long before the run
        ("0x0", "0x50000", "under-voltage, throttled"),  # during the run, over by its end
        ("0x4", "0x40000", "throttled"),
        ("0x50000", "0xd0000", "soft temperature limit"),
        ("0x0", "0x10001", "under-voltage"),
    ],
)
def test_a_run_that_was_throttled_is_not_valid(
    before: str | None, after: str | None, why: str | None
) -> None:
    assert why_invalid(state(before), state(after)) == why
