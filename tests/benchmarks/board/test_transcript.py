"""Steps in, a JSON transcript and a table out."""

import json

import pytest

from benchmarks.board.tools import BoardError
from benchmarks.board.transcript import Transcript, as_lines, as_table

ABOUT = {"date": "2026-11-23", "commit": "abc1234"}


def failing():
    raise BoardError("it did not | boot")


@pytest.fixture
def transcript():
    made = Transcript(dict(ABOUT))
    made.take("boots", lambda: {"kernel": "6.1", "samples": 3})
    return made


def test_a_failed_step_says_why_and_fails_the_whole(transcript):
    assert transcript.passed
    step = transcript.take("decides", failing)
    assert not transcript.passed
    assert any("it did not | boot" in line for line in as_lines(step))
    assert as_lines(step)[0].startswith("FAIL")


def test_a_mistake_in_the_test_itself_is_not_hidden(transcript):
    with pytest.raises(ZeroDivisionError):
        transcript.take("decides", lambda: 1 / 0)


def test_a_transcript_without_steps_has_not_passed():
    assert not Transcript(dict(ABOUT)).passed


def test_the_file_says_that_it_is_emulated(transcript, tmp_path):
    path = tmp_path / "results" / "board-test.json"
    transcript.write(path)
    told = json.loads(path.read_text())
    assert told["what"].startswith("emulated")
    assert told["passed"] is True
    assert told["steps"][0]["facts"] == {"kernel": "6.1", "samples": 3}


def test_the_table_holds_every_step_and_breaks_no_row(transcript):
    transcript.take("decides", failing)
    lines = as_table(transcript)
    assert lines[0].startswith("Emulated")
    assert "| boots | passed | kernel: 6.1; samples: 3 |" in lines
    assert r"| decides | failed | it did not \| boot |" in lines
