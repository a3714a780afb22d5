"""Metrics against scikit-learn, and trials from windows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix, f1_score

from edgeemg.train.metrics import fold_metrics, metrics_report, trial_probabilities, true_classes


def one_hot(predicted, n_classes):
    return np.eye(n_classes)[predicted]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60))
def test_the_measures_are_those_of_scikit_learn(pairs):
    true, predicted = np.array(pairs).T
    ours = fold_metrics(true, one_hot(predicted, 4))
    occurs = np.unique(true)
    assert ours["accuracy"] == pytest.approx(accuracy_score(true, predicted))
    assert ours["macro_f1"] == pytest.approx(
        f1_score(true, predicted, labels=occurs, average="macro")
    )
    assert (ours["counts"] == confusion_matrix(true, predicted, labels=range(4))).all()
    if len(occurs) > 1:
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # predictions outside the true classes are meant
            theirs = balanced_accuracy_score(true, predicted)
        assert ours["balanced_accuracy"] == pytest.approx(theirs)


def test_a_trial_is_named_by_the_mean_of_its_windows_not_by_their_majority():
    logits = np.log(np.array([[0.45, 0.55], [0.45, 0.55], [0.99, 0.01], [0.1, 0.9]]))
    trials, probabilities = trial_probabilities(logits, np.array([7, 7, 7, 3]))
    assert trials.tolist() == [3, 7]
    np.testing.assert_allclose(probabilities, [[0.1, 0.9], [0.63, 0.37]])


def test_the_calibration_error_is_the_distance_of_confidence_from_accuracy():
    sure = np.tile([0.9, 0.1], (10, 1))
    true = np.array([0] * 9 + [1])
    assert fold_metrics(true, sure)["expected_calibration_error"] == pytest.approx(0)
    assert fold_metrics(1 - true, sure)["expected_calibration_error"] == pytest.approx(0.8)


def test_errors_of_unlike_confidence_do_not_cancel():
    probabilities = np.array([[0.95, 0.05]] * 10 + [[0.55, 0.45]] * 10)
    true = np.array([0] * 10 + [0] * 10)  # 5 points too modest, then 45 points
    error = fold_metrics(true, probabilities)["expected_calibration_error"]
    assert error == pytest.approx((0.05 + 0.45) / 2)


def test_true_classes_follow_the_same_order():
    assert true_classes(np.array([1, 1, 0]), np.array([9, 9, 2])).tolist() == [0, 1]


def test_the_report_has_the_promised_shape():
    folds = [fold_metrics(np.array([0, 1]), one_hot([0, one], 2)) for one in (0, 1)]
    report = metrics_report(
        folds, data="d", protocol="p", model="m", labels=["a", "b"], warnings=["w"]
    )
    assert list(report) == [
        "data",
        "protocol",
        "model",
        "n_trials",
        "accuracy",
        "balanced_accuracy",
        "macro_f1",
        "expected_calibration_error",
        "confusion",
        "warnings",
    ]
    assert report["accuracy"] == {"mean": 0.75, "std": 0.25, "folds": [0.5, 1.0]}
    assert report["n_trials"] == 4
    assert report["confusion"] == {"labels": ["a", "b"], "counts": [[2, 0], [1, 1]]}
