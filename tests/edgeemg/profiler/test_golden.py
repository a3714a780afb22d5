from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeemg.profiler.golden import allowed_difference, judge
from edgeemg.profiler.latency import Logits
from edgeemg.runtime.bundle import open_bundle

# as at export; the export was not sure of the last one
EXPECTED = np.array([[4, 0, -4], [-1, 5, 0], [0, 0, 3], [1, 1.04, 0]], dtype=np.float32)


def changed(change: float, row: int, column: int) -> Logits:
    logits = EXPECTED.astype(float)
    logits[row, column] += change
    return tuple(map(tuple, logits.tolist()))


@pytest.mark.parametrize(
    ("precision", "scale", "allowed"),
    [("float32", 1, 1e-3), ("float32", 100, 1e-3), ("int8", 0.1, 0.05), ("int8", 1, 0.18)],
)
def test_a_float_file_may_be_off_by_little_and_int8_by_a_few_steps(
    precision: str, scale: float, allowed: float
) -> None:
    assert allowed_difference(precision, scale * EXPECTED) == pytest.approx(allowed)


@pytest.mark.parametrize(("change", "correct"), [(0, True), (0.17, True), (0.19, False)])
def test_every_logit_must_be_near_enough(change: float, correct: bool) -> None:
    answers = judge([changed(change, 0, 2)], EXPECTED, allowed=0.18)
    assert answers.correct is correct
    assert answers.largest_difference == pytest.approx(change)
    assert (answers.agreeing_labels, answers.turned_labels, answers.golden_inputs) == (4, 0, 4)


def test_a_label_that_the_export_was_not_sure_of_may_turn() -> None:
    answers = judge([changed(0.1, 3, 0)], EXPECTED, allowed=0.18)
    assert (answers.agreeing_labels, answers.turned_labels, answers.correct) == (3, 0, True)


def test_a_label_that_the_export_was_sure_of_may_not_turn_though_each_logit_is_near() -> None:
    both = np.array(changed(0.03, 3, 0))
    both[3, 1] -= 0.03
    answers = judge([tuple(map(tuple, both.tolist()))], EXPECTED, allowed=0.035)
    assert answers.largest_difference == pytest.approx(0.03)
    assert (answers.turned_labels, answers.correct) == (1, False)
    assert answers.wrong_by() == "off by 0.03, 1 labels turned"


def test_one_wrong_round_is_wrong() -> None:
    answers = judge([changed(0, 0, 0), changed(-9, 0, 0)], EXPECTED, allowed=0.18)
    assert answers.largest_difference == 9
    assert (answers.agreeing_labels, answers.turned_labels, answers.correct) == (3, 1, False)


def test_logits_that_are_no_numbers_are_wrong() -> None:
    answers = judge([((None, 0.0, 0.0), *changed(0, 0, 0)[1:])], EXPECTED, allowed=9)
    assert (answers.largest_difference, answers.correct) == (None, False)
    assert answers.wrong_by().startswith("off by not a number")


def test_more_logits_than_at_export_are_wrong() -> None:
    more = tuple((*row, 0.0) for row in changed(0, 0, 0))
    assert judge([more], EXPECTED, allowed=9).correct is False


def test_the_int8_file_of_another_bundle_is_told_from_the_right_one(
    tiny_bundle: Path, tiny_streams: tuple[Path, Path]
) -> None:
    def own(bundle: Path, file: str) -> NDArray[np.float32]:
        return open_bundle(bundle).golden_of(file)[1]

    expected = own(tiny_bundle, "model.int8.tflite")
    answers = [
        judge(
            [tuple(map(tuple, own(bundle, file).tolist()))],
            expected,
            allowed=allowed_difference("int8", expected),
        )
        for bundle, file in (
            (tiny_bundle, "model.int8.tflite"),
            (tiny_bundle, "model.int8.onnx"),  # the same integers in another engine
            (tiny_streams[0], "model.int8.tflite"),
        )
    ]
    assert [one.correct for one in answers] == [True, True, False]
