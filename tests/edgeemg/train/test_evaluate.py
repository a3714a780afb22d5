"""Metrics against scikit-learn, and trials from windows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix, f1_score

from edgeemg.train.evaluate import fold_metrics, metrics_report, trial_classes, true_classes


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60))
def test_the_measures_are_those_of_scikit_learn(pairs):
    true, predicted = np.array(pairs).T
    ours = fold_metrics(true, predicted, n_classes=4)
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
    trials, classes = trial_classes(logits, np.array([7, 7, 7, 3]))
    assert trials.tolist() == [3, 7]
    assert classes.tolist() == [1, 0]


def test_true_classes_follow_the_same_order():
    assert true_classes(np.array([1, 1, 0]), np.array([9, 9, 2])).tolist() == [0, 1]


def test_the_report_has_the_promised_shape():
    folds = [fold_metrics(np.array([0, 1]), np.array([0, one]), n_classes=2) for one in (0, 1)]
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
        "confusion",
        "warnings",
    ]
    assert report["accuracy"] == {"mean": 0.75, "std": 0.25, "folds": [0.5, 1.0]}
    assert report["n_trials"] == 4
    assert report["confusion"] == {"labels": ["a", "b"], "counts": [[2, 0], [1, 1]]}
