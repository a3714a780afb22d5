import os
from pathlib import Path

import pytest

from firmware_bridge.resolving import latency_timer, latency_timer_ms, stable_name


@pytest.fixture
def system(tmp_path: Path):
    """Two adapters as a kernel and udev show them: an FTDI with a serial number, a CH340."""
    dev, tty = tmp_path / "dev", tmp_path / "sys/class/tty"
    for number, (name, has_serial) in enumerate([("ttyUSB0", True), ("ttyUSB1", False)]):
        device = tmp_path / f"sys/devices/usb1/1-{number}"
        port = device / f"1-{number}:1.0" / name
        port.mkdir(parents=True)
        (device / "idVendor").write_text("0403\n")
        if has_serial:
            (device / "serial").write_text("DN0096Q1\n")
        (tty / name).mkdir(parents=True)
        (tty / name / "device").symlink_to(port)
        (dev).mkdir(exist_ok=True)
        (dev / name).touch()
    for kind, link, name in (
        ("by-id", "usb-FTDI_FT231X_DN0096Q1-if00-port0", "ttyUSB0"),
        ("by-path", "pci-0000:00:14.0-usb-0:1:1.0-port0", "ttyUSB0"),
        ("by-id", "usb-1a86_USB_Serial-if00-port0", "ttyUSB1"),
        ("by-path", "pci-0000:00:14.0-usb-0:2:1.0-port0", "ttyUSB1"),
    ):
        (dev / "serial" / kind).mkdir(parents=True, exist_ok=True)
        (dev / "serial" / kind / link).symlink_to(os.path.relpath(dev / name, dev / "serial/by-id"))

    def resolve(name: str) -> str:
        found = stable_name(str(dev / name), links=dev / "serial", adapters=tty)
        return str(Path(found).relative_to(dev))

    resolve.dev, resolve.adapters = dev, tty  # type: ignore[attr-defined]
    return resolve


def test_an_adapter_with_a_serial_number_is_known_by_it(system) -> None:
    assert system("ttyUSB0") == "serial/by-id/usb-FTDI_FT231X_DN0096Q1-if00-port0"


def test_an_adapter_without_one_is_known_by_its_socket(system) -> None:
    assert system("ttyUSB1") == "serial/by-path/pci-0000:00:14.0-usb-0:2:1.0-port0"


def test_under_its_lasting_name_an_adapter_is_found_at_another_number(system) -> None:
    lasting = system.dev / system("ttyUSB0")
    (system.dev / "ttyUSB0").rename(system.dev / "ttyUSB7")
    assert not lasting.exists()
    lasting.unlink()
    lasting.symlink_to("../../ttyUSB7")
    assert lasting.resolve().name == "ttyUSB7"


@pytest.mark.parametrize("name", ["ttyUSB9", "serial/by-path/pci-0000:00:14.0-usb-0:1:1.0-port0"])
def test_a_link_and_a_port_that_is_not_there_stay_as_they_are(system, name: str) -> None:
    assert system(name) == name


def test_a_port_that_udev_does_not_know_keeps_its_name(system, tmp_path: Path) -> None:
    (system.dev / "ttyAMA0").touch()
    assert system("ttyAMA0") == "ttyAMA0"
    empty = tmp_path / "nothing"
    port = str(system.dev / "ttyUSB0")
    assert stable_name(port, links=empty, adapters=empty) == port
    assert stable_name("") == ""


def test_the_latency_timer_is_read_through_links_too(system) -> None:
    port = system.dev / "ttyUSB0"
    adapters = system.adapters
    assert latency_timer(str(port), adapters=adapters) is None
    assert latency_timer_ms(str(port), adapters=adapters) is None
    timer = adapters / "ttyUSB0/device/latency_timer"
    timer.write_text("16\n")
    assert latency_timer_ms(str(port), adapters=adapters) == 16
    lasting = system.dev / system("ttyUSB0")
    assert latency_timer_ms(str(lasting), adapters=adapters) == 16
    timer.write_text("often\n")
    assert latency_timer_ms(str(port), adapters=adapters) is None
