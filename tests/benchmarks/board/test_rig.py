"""What the service printed in, its counters out."""

import pytest

from benchmarks.board.rig import as_object, counters
from benchmarks.board.tools import BoardError


def test_the_counters_are_those_that_were_printed_last():
    lines = [
        "wire_lost 7; samples 10",
        "warning: something; else",
        "wire_lost 0; samples 75310; latency_p50_ms 1.25; sink_jsonl_sent 80",
        "edgeemg.service: Deactivated successfully.",
    ]
    found = counters(lines)
    assert found == {
        "wire_lost": 0,
        "samples": 75310,
        "latency_p50_ms": 1.25,
        "sink_jsonl_sent": 80,
    }


def test_a_journal_without_counters_is_an_error():
    with pytest.raises(BoardError, match="no counters"):
        counters(["Started edgeemg.service"])


@pytest.mark.parametrize("text", ["", "{", "[1]", "Traceback"])
def test_what_is_no_object_is_an_error_that_says_so(text):
    with pytest.raises(BoardError, match="what doctor printed"):
        as_object(text, "what doctor printed")
