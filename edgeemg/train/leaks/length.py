"""A person's recordings in; how well the length of a trial alone names its class out."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from edgeemg.dsp.samples import Recording
from edgeemg.errors import needs_extra
from edgeemg.train.trials import find_rest

_FOLDS = 5
_LEAST = 10  # trials of a class
_MOST_BINS = 10
_LEAST_EXPECTED = 5  # trials of a class in a bin: the usual least for a chi-squared test
_SIGNIFICANT = 0.001  # small, as every person is tested
_LEAST_GAIN = 0.05  # of balanced accuracy over chance; less than that is no help to any model


@dataclass(frozen=True, slots=True)
class LengthFinding:
    """What a decision tree makes of trial lengths: cross-validated over `trials` of one person.

    accuracy   beside `majority`, the share of the commonest class
    balanced_accuracy  beside `chance`, 1 / classes; p_value is that of a chi-squared test of
                class against tenths of length
    """

    subject: str
    classes: tuple[str, ...]
    trials: int
    accuracy: float
    majority: float
    balanced_accuracy: float
    chance: float
    p_value: float

    @property
    def leaks(self) -> bool:
        """Length betrays the class."""
        gain = self.balanced_accuracy - self.chance
        return self.p_value < _SIGNIFICANT and gain >= _LEAST_GAIN


def length_finding(recordings: Sequence[Recording]) -> LengthFinding | None:
    """What length says of class in the recordings of one person; None with fewer than two
    classes of ten trials.

    Rest is left out where it is the pause between words and lasts as long as that happens to;
    where it is a trial like the others, it is a class like the others.
    """
    all_lengths_ms, labels = _trials(recordings)
    names = sorted(label for label, count in Counter(labels).items() if count >= _LEAST)
    if len(names) < 2:
        return None
    known = np.isin(labels, names)
    classes = np.searchsorted(names, np.array(labels)[known])
    lengths_ms = np.array(all_lengths_ms)[known]
    predicted = _predicted(lengths_ms, classes)
    recall = [float((predicted[classes == n] == n).mean()) for n in range(len(names))]
    return LengthFinding(
        subject=recordings[0].subject,
        classes=tuple(names),
        trials=len(classes),
        accuracy=float((predicted == classes).mean()),
        majority=float(np.bincount(classes).max() / len(classes)),
        balanced_accuracy=float(np.mean(recall)),
        chance=1 / len(names),
        p_value=_p_value(lengths_ms, classes),
    )


def _trials(recordings: Sequence[Recording]) -> tuple[list[float], list[str]]:
    """Length in milliseconds and label of each trial, in the order of time."""
    pause = _pause(recordings)
    lengths_ms, labels = [], []
    for recording in recordings:
        for event in sorted(recording.events, key=lambda one: one.index):
            if event.label != pause:
                lengths_ms.append(1000 * event.length / recording.samples.sample_rate_hz)
                labels.append(event.label)
    return lengths_ms, labels


def _pause(recordings: Sequence[Recording]) -> str | None:
    """The rest label where most of what follows it, or is followed by it, does so at once."""
    rest = find_rest(sorted({one.label for rec in recordings for one in rec.events}))
    touching = apart = 0
    for recording in recordings:
        events = sorted(recording.events, key=lambda one: one.index)
        for one, two in pairwise(events):
            if rest in (one.label, two.label):
                touches = one.index + one.length == two.index
                touching, apart = touching + touches, apart + (not touches)
    return rest if touching > apart else None


def _predicted(lengths_ms: NDArray[np.float64], classes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Each trial's class, by a tree that saw the lengths of other stretches of time only."""
    with needs_extra("train", "looking for leaks"):
        from sklearn.model_selection import StratifiedKFold, cross_val_predict
        from sklearn.tree import DecisionTreeClassifier

    tree = DecisionTreeClassifier(
        max_leaf_nodes=2 * (int(classes.max()) + 1),
        min_samples_leaf=5,
        class_weight="balanced",
        random_state=0,
    )
    predicted: NDArray[np.int64] = cross_val_predict(
        tree, lengths_ms[:, None], classes, cv=StratifiedKFold(_FOLDS)
    )
    return predicted


def _p_value(lengths_ms: NDArray[np.float64], classes: NDArray[np.int64]) -> float:
    """Chi-squared test of class against bins of length that hold as many trials each.

    Not of the cross-validated answers: those lean on each other through the training parts, and
    a test that takes them for independent finds too much.
    """
    with needs_extra("train", "looking for leaks"):
        from scipy.stats import chi2_contingency

    kinds = int(classes.max()) + 1
    bins = int(np.clip(len(classes) // (_LEAST_EXPECTED * kinds), 2, _MOST_BINS))
    edges = np.unique(np.quantile(lengths_ms, np.arange(1, bins) / bins))
    counts = np.zeros((kinds, len(edges) + 1), dtype=np.int64)
    np.add.at(counts, (classes, np.searchsorted(edges, lengths_ms)), 1)
    counts = counts[:, counts.any(axis=0)]
    return float(chi2_contingency(counts).pvalue) if counts.shape[1] > 1 else 1.0
