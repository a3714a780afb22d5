from pathlib import Path

import pytest

from edgeemg.profiler.meddler_checks import meddler_checks

CH340, FTDI = (0x1A86, 0x7523), (0x0403, 0x6001)
RULE = 'ENV{PRODUCT}=="1a86/7523/*", ATTRS{manufacturer}=="", ENV{BRLTTY_BRAILLE_DRIVER}="bm"\n'


def found(root: Path, *adapters: tuple[int, int]) -> dict[str, tuple[str, str]]:
    return {one.name: (one.status, one.found) for one in meddler_checks(adapters, root)}


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_where_nothing_meddles_nothing_is_said(tmp_path: Path) -> None:
    write(tmp_path / "proc/1/comm", "systemd\n")
    assert found(tmp_path, CH340, FTDI) == {}


def test_brltty_is_found_before_it_takes_the_adapter(tmp_path: Path) -> None:
    write(tmp_path / "usr/lib/udev/rules.d/85-brltty.rules", f"#{RULE}")
    assert found(tmp_path, CH340) == {}
    write(tmp_path / "lib/udev/rules.d/85-brltty.rules", RULE)
    assert found(tmp_path, FTDI, CH340) == {"brltty": ("warn", "brltty's rules claim 1a86:7523")}
    assert found(tmp_path, FTDI) == {}
    write(tmp_path / "proc/9/comm", "brltty\n")
    assert found(tmp_path, FTDI) == {"brltty": ("warn", "brltty is running")}


@pytest.mark.parametrize("name", ["ID_MM_PORT_IGNORE", "ID_MM_DEVICE_IGNORE"])
def test_modemmanager_that_a_rule_keeps_away_is_no_warning(tmp_path: Path, name: str) -> None:
    write(tmp_path / "proc/9/comm", "ModemManager\n")
    assert found(tmp_path)["ModemManager"] == ("warn", "ModemManager is running")
    ids = "E:ID_BUS=usb\nE:ID_VENDOR_ID=0403\nE:ID_MODEL_ID=6001\n"
    write(tmp_path / "run/udev/data/c188:0", ids)
    said = "ModemManager is running, and no rule keeps it away from 0403:6001"
    assert found(tmp_path, FTDI)["ModemManager"] == ("warn", said)
    write(tmp_path / "run/udev/data/c188:0", f"{ids}E:{name}=1\n")
    assert found(tmp_path, FTDI)["ModemManager"][0] == "ok"


def test_a_rule_for_another_device_keeps_modemmanager_from_no_adapter(tmp_path: Path) -> None:
    write(tmp_path / "proc/9/comm", "ModemManager\n")
    another = "E:ID_VENDOR_ID=2341\nE:ID_MODEL_ID=0043\nE:ID_MM_DEVICE_IGNORE=1\n"
    write(tmp_path / "run/udev/data/c166:0", another)
    assert found(tmp_path, FTDI)["ModemManager"][0] == "warn"
    assert found(tmp_path, (0x2341, 0x43))["ModemManager"][0] == "ok"
    said = "ModemManager is running, and no rule keeps it away from 1a86:7523"
    assert found(tmp_path, (0x2341, 0x43), CH340)["ModemManager"] == ("warn", said)
