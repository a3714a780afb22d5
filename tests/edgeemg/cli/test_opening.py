"""Whether a model fits a sensor, before the sensor answers."""

from dataclasses import replace

import pytest

from edgeemg.cli.opening import Line, check_line, model_inputs
from edgeemg.errors import EdgeEmgError
from firmware_bridge.devices import find_device
from firmware_bridge.frames import Wishes


def line(device="cyton", channels=None):
    return Line("/dev/none", find_device(device, Wishes()), channels=channels)


@pytest.mark.parametrize("channels", [None, "1,2", "8,7"])
def test_what_fits_a_sensor_that_is_known_is_let_pass(channels, plain_manifest):
    check_line(plain_manifest, line(channels=channels))


@pytest.mark.parametrize(
    ("channels", "message"),
    [
        ("1,1", "must name 2 inputs from 1 to 8, each once"),
        ("1,9", "must name 2 inputs from 1 to 8, .*chin, throat.*got '1,9'"),
        ("1", "must name 2 inputs from 1 to 8"),
        ("0,1", "must name 2 inputs from 1 to 8"),
        ("a,b", "must be numbers such as 1,2,3,4, got 'a,b'"),
    ],
)
def test_inputs_that_it_lacks_are_refused(channels, message, plain_manifest):
    with pytest.raises(EdgeEmgError, match=message):
        check_line(plain_manifest, line(channels=channels))


def test_another_rate_is_refused(plain_manifest):
    with pytest.raises(EdgeEmgError, match="reads 500 samples a second, the source gives 250"):
        check_line(replace(plain_manifest, sample_rate_hz=500.0), line())


def test_of_a_sensor_that_says_later_what_it_is_only_the_count_is_judged(plain_manifest):
    assert line("chords").device.stream is None
    check_line(plain_manifest, line("chords"))
    check_line(plain_manifest, line("chords", "3,40"))
    refused = r"must name 2 inputs from 1, each once \(for chin, throat\)"
    for channels in ("1", "0,1", "1,1", "1,2,3"):
        with pytest.raises(EdgeEmgError, match=refused):
            check_line(plain_manifest, line("chords", channels))


def test_asked_inputs_come_back_from_zero(plain_manifest):
    assert model_inputs(plain_manifest, "4,1", n_inputs=8) == (3, 0)
    assert model_inputs(plain_manifest, None, n_inputs=8) == (0, 1)
