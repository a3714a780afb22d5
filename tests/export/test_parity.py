"""How far a file is from PyTorch, and the gates, with an engine that is wrong on purpose."""

import numpy as np
import pytest

from edgeemg.errors import GateError
from edgeemg.train.dataset import Part
from edgeemg_export.gates import Gates, judged, refuse
from edgeemg_export.layer_errors import LayerError
from edgeemg_export.parity import compare, drop_interval


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
        worst_layers=(LayerError("blocks.1.0", 12.5),),
    )


def failed(one, **gates):
    marked, texts = judged([one], Gates(**gates))
    assert marked[0].passed == (not texts)
    return " ".join(texts)


def swapped(reference, held_out, trials):
    """The two classes of every window of these trials, taken for each other."""
    table = reference.copy()
    rows = np.isin(held_out.trials, trials)
    table[rows] = table[rows, ::-1]
    return table


def test_a_perfect_copy_passes_and_its_figures_say_so(reference, held_out):
    one = parity(reference, "float32", reference, held_out)
    assert (one.largest_difference, one.label_agreement, one.balanced_accuracy_drop) == (0, 1, 0)
    assert (one.accuracy, one.drop_interval, one.trials_lost) == (1, (0, 0), 0)
    assert not failed(one, min_agreement=1.0, max_accuracy_drop=0.0)


def test_a_float_file_off_in_one_logit_of_one_window_fails(reference, held_out):
    table = reference.copy()
    table[57, 1] += 2e-4
    text = failed(parity(table, "float32", reference, held_out))
    assert text.startswith("model.float32 is off by 0.0002")


def test_int8_may_be_off_but_must_name_the_same_labels(reference, held_out):
    assert not failed(parity(reference * 0.5, "int8", reference, held_out), min_agreement=1.0)
    one = parity(swapped(reference, held_out, [0, 1]), "int8", reference, held_out)
    assert (one.label_agreement, one.accuracy, one.trials_lost) == (0.96, 0.96, 2)
    assert one.balanced_accuracy_drop == pytest.approx(0.04)
    assert "96.00% of windows (at least 97.00%)" in failed(one, min_agreement=0.97)


def test_a_drop_in_accuracy_is_told_with_its_interval(reference, held_out):
    one = parity(swapped(reference, held_out, [0, 1, 2, 3]), "int8", reference, held_out)
    low, high = one.drop_interval
    assert one.balanced_accuracy_drop == pytest.approx(0.08)
    assert 0 < low < 0.08 < high < 0.2
    text = failed(one, min_agreement=0)
    assert f"loses 8.0 points of balanced accuracy (95 % interval {100 * low:.1f} to" in text
    assert not failed(one, min_agreement=0, max_accuracy_drop=0.081)


def test_one_trial_lost_is_let_pass_and_two_are_not(reference, held_out):
    for trials, passes in (([0], True), ([0, 1], False)):
        one = parity(swapped(reference, held_out, trials), "int8", reference, held_out)
        assert (not failed(one, min_agreement=0, max_accuracy_drop=0.0)) == passes


@pytest.fixture
def uneven():
    """20 trials of each of two words and 40 of rest, a window each, and logits mostly right.

    PyTorch takes the first 10 trials of rest for a word.
    """
    classes = np.repeat([0, 1, 2], [20, 20, 40])
    part = Part(np.zeros((80, 2, 8), np.float32), classes, np.arange(80))
    named = np.where((np.arange(80) >= 40) & (np.arange(80) < 50), 0, classes)
    return part, np.eye(3, dtype=np.float32)[named]


@pytest.mark.parametrize(("words", "rest", "passes"), [(8, 8, False), (1, 0, True), (2, 2, True)])
def test_what_is_let_pass_is_one_trials_worth_of_the_drop_and_not_of_the_count(
    uneven, words, rest, passes
):
    held_out, reference = uneven
    table = reference.copy()
    table[:words] = np.eye(3, dtype=np.float32)[1]  # trials of a word lost, of rest gained
    table[40 : 40 + rest] = np.eye(3, dtype=np.float32)[2]
    one = parity(table, "int8", reference, held_out)
    assert one.trials_lost == words - rest <= 1
    assert one.one_trial == pytest.approx(1 / 60)
    (marked,), texts = judged([one], Gates(min_agreement=0))
    assert (marked.let_pass, marked.passed, not texts) == (passes,) * 3


def test_a_drop_within_the_gate_is_not_said_to_be_let_pass(reference, held_out):
    one = parity(swapped(reference, held_out, [0]), "int8", reference, held_out)
    (marked,), _ = judged([one], Gates(max_accuracy_drop=0.021, min_agreement=0))
    assert (marked.passed, marked.let_pass) == (True, False)


def test_the_interval_pairs_the_trials():
    """A file that errs as often as PyTorch, elsewhere, is uncertain; one that errs alike is not."""
    true = np.arange(200) % 2
    wanted = np.arange(200) % 5 > 0
    assert drop_interval(true, wanted, wanted) == (0, 0)
    low, high = drop_interval(true, np.roll(wanted, 1), wanted)
    assert low < -0.05 < 0.05 < high


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_a_file_that_answers_nan_never_passes(precision, reference, held_out):
    table = np.full_like(reference, np.nan)
    assert failed(parity(table, precision, reference, held_out))


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_answers_that_are_no_numbers_are_refused_with_allow_fail_too(
    value, precision, reference, held_out
):
    table = reference.copy()
    table[3, 1] = value
    marked, texts = judged([parity(table, precision, reference, held_out)], Gates(0.1, 0.9))
    wanted = rf"model.{precision} answered with logits that are not finite.*--allow-fail does not"
    with pytest.raises(GateError, match=wanted):
        refuse(marked, texts, allow_fail=True)


def test_what_fails_otherwise_passes_with_allow_fail(reference, held_out):
    marked, texts = judged([parity(reference + 1, "float32", reference, held_out)], Gates())
    assert texts
    refuse(marked, texts, allow_fail=True)


def test_every_file_that_fails_is_named_with_its_worst_layers(reference, held_out):
    bad = [parity(reference + 1, "float32", reference, held_out)]
    bad.append(parity(reference[:, ::-1], "int8", reference, held_out))
    marked, texts = judged(bad, Gates())
    with pytest.raises(GateError, match=r"model.float32.*model.int8.*blocks.1.0 \(12.5 dB\)"):
        refuse(marked, texts)


def test_nothing_is_refused_where_nothing_failed(reference, held_out):
    marked, texts = judged([parity(reference, "int8", reference, held_out)], Gates())
    refuse(marked, texts)
