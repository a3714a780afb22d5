import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeemg.profiler.power import Draw, Power, parse_rails, read_power, watched

# `vcgencmd pmic_read_adc` of a Raspberry Pi 5, shortened
RAILS = """\
     3V7_WL_SW_A current(0)=0.10000000A
     VDD_CORE_A current(7)=2.50000000A
     3V7_WL_SW_V volt(8)=3.70000000V
     VDD_CORE_V volt(15)=0.80000000V
          EXT5V_V volt(24)=5.15000000V
"""


def test_rails_with_current_and_voltage_are_summed_up() -> None:
    assert parse_rails(RAILS) == pytest.approx(0.1 * 3.7 + 2.5 * 0.8)


@given(st.text())
def test_other_words_are_no_power(text: str) -> None:
    assert parse_rails(text) is None


def test_a_sensor_chip_is_read_in_microwatts(tmp_path: Path) -> None:
    chip = tmp_path / "sys/class/hwmon/hwmon1"
    chip.mkdir(parents=True)
    (chip / "name").write_text("ina219\n")
    (chip / "power1_input").write_text("2640000\n")
    assert read_power(tmp_path) == Power(pytest.approx(2.64), "hwmon ina219")


def test_a_raspberry_pi_5_is_asked_by_its_own_tool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "vcgencmd"
    program.write_text(f"#!/bin/sh\n[ \"$1\" = pmic_read_adc ] && cat <<'END'\n{RAILS}END\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    power = read_power(tmp_path)
    assert power == Power(pytest.approx(2.37), "vcgencmd pmic_read_adc")


def test_a_firmware_that_knows_no_such_question_is_no_power(tmp_path: Path, vcgencmd) -> None:
    vcgencmd("0x0")
    assert read_power(tmp_path) is None


def test_readings_go_on_while_the_block_lasts() -> None:
    readings = iter([1.0, 2.0, 3.0] + [4.0] * 1000)
    with watched(lambda: Power(next(readings), "made up")) as draw:
        deadline = time.monotonic() + 30
        while len(draw.readings) < 4 and time.monotonic() < deadline:
            time.sleep(0.02)
    assert [watts for _, watts in draw.readings[:4]] == [1, 2, 3, 4]


def test_the_first_readings_can_be_left_out() -> None:
    draw = Draw([(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)])
    assert draw.mean_watts() == 3
    assert draw.mean_watts(last_s=1.0) == 4
    assert Draw().mean_watts() is None
