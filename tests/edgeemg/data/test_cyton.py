"""Data and bridge may not import each other, and must agree to the last bit."""

from edgeemg.data.cyton import MICROVOLTS_PER_COUNT
from firmware_bridge.devices.cyton import STREAM


def test_a_count_is_the_same_for_recordings_and_for_the_bridge() -> None:
    assert STREAM.microvolts_per_count == MICROVOLTS_PER_COUNT
