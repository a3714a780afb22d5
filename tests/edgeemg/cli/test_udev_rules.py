import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeemg.cli.udev_rules import Adapter, adapter_of, rules_text

FTDI = Adapter("0403", "6015", "DM0258F4")
# udev(7): a key, perhaps with an attribute, an operator, a value in double quotes
ASSIGNMENT = r'[A-Z_]+(\{[A-Za-z_]+\})?(==|!=|\+=|=)"[^"\n]*"'
RULE = re.compile(rf"{ASSIGNMENT}(, *{ASSIGNMENT})*")


def rules_of(text: str) -> list[str]:
    """Rules without comments, continued lines joined."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", "")
    return [re.sub(r" +", " ", line) for line in joined.split("\n") if line]


@pytest.mark.parametrize("types", [True, False])
@pytest.mark.parametrize("adapter", [FTDI, Adapter("1a86", "7523"), None])
def test_every_rule_is_one(adapter: Adapter | None, types: bool) -> None:
    rules = rules_of(rules_text("emg", adapter, group="dialout", types=types))
    assert all(RULE.fullmatch(one) for one in rules)
    assert rules[0] == 'ACTION=="remove", GOTO="emg_end"'
    assert rules[-1] == 'LABEL="emg_end"'


def test_the_sensor_gets_a_name_a_group_and_the_service() -> None:
    text = rules_text("emg", FTDI, group="dialout", types=False)
    (tty,) = [one for one in rules_of(text) if 'SUBSYSTEM=="tty"' in one]
    for wanted in (
        'ATTRS{idVendor}=="0403", ATTRS{idProduct}=="6015", ATTRS{serial}=="DM0258F4"',
        'SYMLINK+="emg-sensor"',
        'GROUP="dialout", MODE="0660"',
        'TAG+="systemd", ENV{SYSTEMD_WANTS}+="emg.service"',
        'ENV{ID_MM_PORT_IGNORE}="1"',
    ):
        assert wanted in tty
    (usb,) = [one for one in rules_of(text) if 'SUBSYSTEM=="usb"' in one]
    assert 'ATTR{idVendor}=="0403"' in usb
    assert usb.endswith('ENV{ID_MM_DEVICE_IGNORE}="1"')


def test_an_adapter_without_a_number_is_known_by_its_kind() -> None:
    text = rules_text("emg", Adapter("1a86", "7523"), group="dialout", types=False)
    assert "serial}" not in text
    assert 'SYMLINK+="emg-sensor"' in text


def test_an_unknown_sensor_gets_no_name_but_no_delay_either() -> None:
    text = rules_text("emg", None, group="dialout", types=False)
    assert "SYMLINK" not in text
    assert 'ATTR{latency_timer}="1"' in text


def test_uinput_is_opened_only_for_a_sink_that_types() -> None:
    assert "uinput" not in rules_text("emg", FTDI, group="dialout", types=False)
    assert 'KERNEL=="uinput", GROUP="input"' in rules_text("emg", FTDI, group="d", types=True)


@given(serial=st.text(max_size=20))
def test_no_number_of_an_adapter_can_write_a_rule(serial: str) -> None:
    """A USB device says of itself what it likes."""
    text = rules_text("emg", Adapter("0403", "6001", serial), group="dialout", types=False)
    assert all(RULE.fullmatch(one) for one in rules_of(text))
    assert len(rules_of(text)) == 5
    for value in re.findall(r'ATTRS?\{serial\}=="([^"]*)"', text):
        assert len(value) == len(serial)
        assert re.fullmatch(r"[A-Za-z0-9._:?-]*", value)


def test_a_port_that_is_no_usb_adapter_has_none(tmp_path) -> None:
    assert adapter_of(tmp_path / "no-port") is None


def test_a_link_to_itself_is_no_adapter(tmp_path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert adapter_of(loop) is None
