import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeemg.errors import EngineError
from edgeemg.profiler.marks import Mark, instructions_between, mark, parse_marks

COUNTED = "1 1000 5000\n1 1100 5000\n2 1200 6000\n3 3300 7000\n"


def test_the_cost_of_the_marks_is_not_the_inferences() -> None:
    assert instructions_between(parse_marks(COUNTED), runs=20) == 100  # (3300 - 1200 - 100) / 20


def test_lines_become_marks() -> None:
    assert parse_marks(COUNTED)[-1] == Mark(3, 3300, 7000)


@pytest.mark.parametrize("lines", [0, 1, 2, 3])
def test_a_process_that_did_not_finish_has_no_count(lines: int) -> None:
    text = "".join(COUNTED.splitlines(keepends=True)[:lines])
    with pytest.raises(EngineError, match="other marks"):
        instructions_between(parse_marks(text), runs=20)


@given(st.text())
def test_nonsense_is_refused_not_a_traceback(text: str) -> None:
    try:
        marks = parse_marks(text)
    except EngineError:
        return
    assert len(marks) == len(text.splitlines())


def test_a_mark_without_a_counter_does_nothing() -> None:
    mark(1)
