from dataclasses import replace

from firmware_bridge.counters import Counters, ReaderCounts
from firmware_bridge.devices.cyton import STREAM
from firmware_bridge.devices.edgeemg import EdgeemgReader
from firmware_bridge.devices.edgeemg_encoder import encode_info, info_of

INFO = info_of(STREAM, boot_id=1)


def told(overruns: int, boot_id: int = 1) -> bytes:
    return encode_info(replace(INFO, overruns=overruns, boot_id=boot_id))


def test_what_the_sensor_says_it_lost_counts_from_the_opening_on() -> None:
    counters, reader = Counters(), EdgeemgReader(told(5))
    counts = ReaderCounts(counters, reader)
    counts.take(reader)
    assert counters.overruns == 0
    reader.feed(told(9))
    counts.take(reader)
    counts.take(reader)
    assert counters.overruns == 4
    assert counters.as_dict()["overruns"] == 4


def test_a_sensor_that_came_back_goes_on_or_begins_anew() -> None:
    counters, first = Counters(), EdgeemgReader(told(5))
    counts = ReaderCounts(counters, first)
    counts.end(first)
    same = EdgeemgReader(told(8))
    counts.take(same)
    assert counters.overruns == 3
    counts.end(same)
    counts.take(EdgeemgReader(told(2, boot_id=2)))
    assert counters.overruns == 5


def test_half_a_frame_at_the_end_is_noise_and_the_next_parser_adds_to_it() -> None:
    counters, first = Counters(), EdgeemgReader(told(0))
    counts = ReaderCounts(counters, first)
    first.feed(b"\x06half")
    counts.end(first)
    assert (counters.rejected_bytes, counters.resyncs) == (5, 1)
    second = EdgeemgReader(told(0))
    second.feed(b"noise\x00")
    counts.take(second)
    assert counters.rejected_bytes == 11
