"""Eight hours of a sensor in some minutes: `edgeemg run` as it is, with a hundred faults."""

from pathlib import Path

import pytest

from benchmarks.day.life import KINDS
from benchmarks.day.living import live
from benchmarks.day.report import Day

RATE_HZ, HOP = 250, 25


def check(day: Day) -> None:
    told = day.counters
    assert day.exit_code == 0, day.log
    assert "Traceback" not in day.log
    # every sample that passed was received, or is counted as lost
    assert day.counted == day.passed
    assert told["samples"] + told["dropped_samples"] == told["wire_received"]
    assert told["windows"] == day.hops
    # between faults, it says what it says on the recording
    assert day.settled > 0.6 * day.passed / HOP
    assert day.differing == 0
    # every hop reached the file, or is counted as one that did not
    assert day.broken_lines == 0
    assert (
        day.lines_in_file + told["sink_jsonl_2_dropped"] + told["sink_jsonl_2_failed"] == day.hops
    )
    assert told["sink_udp_sent"] + told["sink_udp_failed"] + told["sink_udp_dropped"] == day.hops
    assert set(day.faults) == set(KINDS)


@pytest.mark.slow
def test_a_quarter_of_an_hour_with_each_fault(tiny_bundle: Path, tiny_recording: Path) -> None:
    day = live(tiny_bundle, tiny_recording, hours=0.2, n_faults=len(KINDS))
    check(day)
    assert day.passed >= 0.2 * 3600 * RATE_HZ
    assert day.counters["wire_reconnects"] >= 1
    assert day.counters["wire_lost_in_outages"] > 0
    assert day.counters["wire_malformed"] + day.counters["wire_resyncs"] > 0
    assert day.counters["sink_udp_failed"] > 0
    assert day.log.count("the bundle is not loaded again") == 0  # the first one was good


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_day_with_a_hundred_faults(tiny_bundle: Path, tiny_recording: Path) -> None:
    day = live(tiny_bundle, tiny_recording, hours=8, n_faults=100)
    check(day)
    assert day.passed >= 8 * 3600 * RATE_HZ
    assert sum(day.faults.values()) == 100
    assert day.grown_mb < 1.0
    assert "the bundle is not loaded again" in day.log
