import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeemg.errors import EngineError
from edgeemg.profiler.instruction_kinds import KINDS
from edgeemg.profiler.marks import (
    STAGE,
    Mark,
    kinds_between,
    laps_between,
    mark,
    parse_marks,
)

REST = " 0" * (len(KINDS) - 2)
COUNTED = (
    f"1 5000 1000 10{REST}\n1 5000 1100 10{REST}\n2 6000 1200 10{REST}\n3 7000 3300 50{REST}\n"
)


def test_the_cost_of_the_marks_is_not_the_inferences() -> None:
    kinds = kinds_between(parse_marks(COUNTED), runs=20)
    assert list(kinds) == list(KINDS)
    assert list(kinds.values())[:3] == [100, 2, 0]  # (3300 - 1200 - 100) / 20, (50 - 10) / 20


def test_lines_become_marks() -> None:
    last = parse_marks(COUNTED)[-1]
    assert last == Mark(3, 7000, (3300, 50, *[0] * (len(KINDS) - 2)))
    assert last.instructions == 3350


@pytest.mark.parametrize("lines", [0, 1, 2, 3])
def test_a_process_that_did_not_finish_has_no_count(lines: int) -> None:
    text = "".join(COUNTED.splitlines(keepends=True)[:lines])
    with pytest.raises(EngineError, match="other marks"):
        kinds_between(parse_marks(text), runs=20)


def stage_marks(labels: list[int], counts: list[int]) -> list[Mark]:
    rest = (0,) * (len(KINDS) - 1)
    return [Mark(label, 0, (count, *rest)) for label, count in zip(labels, counts, strict=True)]


def test_stages_of_all_rounds_are_summed_up_without_the_marks_own() -> None:
    labels = [1, 1, 2, STAGE, STAGE + 1, STAGE, STAGE + 1]
    # a mark costs 10; the first stage 100 and 120, the second 1000 each
    marks = stage_marks(labels, [0, 10, 20, 130, 1140, 1270, 2280])
    first, second = laps_between(marks, rounds=2)
    assert (first[KINDS[0]], second[KINDS[0]]) == (110, 1000)


@pytest.mark.parametrize(
    "labels", [[1, 1, 2], [1, 1, 2, STAGE, STAGE + 1, STAGE], [1, 1, 3, STAGE, STAGE]]
)
def test_stages_that_are_not_whole_have_no_count(labels: list[int]) -> None:
    with pytest.raises(EngineError, match="other marks"):
        laps_between(stage_marks(labels, list(range(len(labels)))), rounds=2)


def test_a_line_without_all_kinds_is_refused() -> None:
    with pytest.raises(EngineError, match="3 numbers for 11 kinds"):
        parse_marks("1 5000 1 2 3\n")


@given(st.text())
def test_nonsense_is_refused_not_a_traceback(text: str) -> None:
    try:
        marks = parse_marks(text)
    except EngineError:
        return
    assert len(marks) == len(text.splitlines())


def test_a_mark_without_a_counter_does_nothing() -> None:
    mark(1)
