"""The gates, with an engine that is wrong on purpose."""

import numpy as np
import pytest

from edgeemg.errors import GateError
from edgeemg.train.dataset import Part
from edgeemg_export.parity import check_gates, compare


class Wrong:
    """An engine that answers a given table of logits, window by window."""

    name = "wrong 1.0"

    def __init__(self, table, precision):
        self.precision = precision
        self._left = iter(table)

    def logits(self, model_input):
        return next(self._left)


@pytest.fixture
def held_out():
    rng = np.random.default_rng(0)
    trials = np.arange(100) // 2
    return Part(rng.standard_normal((100, 2, 8)).astype(np.float32), trials % 2, trials)


@pytest.fixture
def reference(held_out):
    logits = np.zeros((100, 2), np.float32)
    logits[np.arange(100), held_out.classes] = 1
    return logits


def parity(table, precision, reference, held_out):
    return compare(
        Wrong(table, precision),
        file=f"model.{precision}",
        recipe="",
        size=1,
        reference=reference,
        held_out=held_out,
    )


def test_a_perfect_copy_passes_and_its_figures_say_so(reference, held_out):
    one = parity(reference, "float32", reference, held_out)
    assert (one.largest_difference, one.label_agreement, one.balanced_accuracy_drop) == (0, 1, 0)
    assert one.accuracy == 1
    check_gates([one], min_agreement=1.0)


def test_a_float_file_off_in_one_logit_of_one_window_fails(reference, held_out):
    table = reference.copy()
    table[57, 1] += 2e-3
    with pytest.raises(GateError, match=r"model.float32 is off by 0.002"):
        check_gates([parity(table, "float32", reference, held_out)], min_agreement=0.97)


def test_int8_may_be_off_but_must_name_the_same_labels(reference, held_out):
    table = reference * 0.5
    check_gates([parity(table, "int8", reference, held_out)], min_agreement=1.0)
    table[:4] = table[:4, ::-1]
    one = parity(table, "int8", reference, held_out)
    assert one.label_agreement == 0.96
    assert one.accuracy == 0.96
    assert one.balanced_accuracy_drop == pytest.approx(0.04)
    with pytest.raises(GateError, match=r"96.00% of windows \(at least 97.00%\)"):
        check_gates([one], min_agreement=0.97)


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_a_file_that_answers_nan_never_passes(precision, reference, held_out):
    table = np.full_like(reference, np.nan)
    with pytest.raises(GateError):
        check_gates([parity(table, precision, reference, held_out)], min_agreement=0.97)


def test_every_file_that_fails_is_named(reference, held_out):
    bad = [parity(reference + 1, "float32", reference, held_out)]
    bad.append(parity(reference[:, ::-1], "int8", reference, held_out))
    with pytest.raises(GateError, match=r"model.float32.*model.int8.*no bundle|no bundle.*;"):
        check_gates(bad, min_agreement=0.97)
