"""Trials in; training, validation and test parts out, with nothing of one in another."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeemg.errors import RecordingError
from edgeemg.train.trials import Trial

PROTOCOL = (
    "blocked: in each recording, the first {train:.0%} of each label's trials in time train, "
    "the next {validation:.0%} stop training early, the last {test:.0%} test; "
    "trials that touch another part's in time are left out"
)
_LEFT_OUT = -1
_TRAIN, _VALIDATION, _TEST = range(3)


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """Positions of trials; `left_out` are neighbours in time of a trial in another part."""

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]
    left_out: NDArray[np.int64]
    protocol: str


def blocked(trials: Sequence[Trial], *, validation: float = 0.15, test: float = 0.2) -> Parts:
    """Time-contiguous parts within each recording, by label.

    A random split puts neighbours in time on both sides and flatters; this one does not. A trial
    is left out where it is next in time to one of a later part, or shares a sample with one.
    """
    part = np.empty(len(trials), dtype=np.int64)
    for members in _by(trials, lambda trial: (trial.recording, trial.label)).values():
        place = (np.arange(len(members)) + 0.5) / len(members)
        part[members] = np.digitize(place, [1 - test - validation, 1 - test])
    _leave_neighbours_out(part, trials)
    parts = Parts(
        train=np.flatnonzero(part == _TRAIN),
        validation=np.flatnonzero(part == _VALIDATION),
        test=np.flatnonzero(part == _TEST),
        left_out=np.flatnonzero(part == _LEFT_OUT),
        protocol=PROTOCOL.format(train=1 - validation - test, validation=validation, test=test),
    )
    _check_labels(parts, trials)
    return parts


def _leave_neighbours_out(part: NDArray[np.int64], trials: Sequence[Trial]) -> None:
    """Mark what directly precedes or follows a trial of a later part, or shares a sample with one.

    A window may reach over a whole short trial, so being next in time is not enough.
    """
    original = part.copy()
    for members in _by(trials, lambda trial: trial.recording).values():
        in_time = np.array(sorted(members, key=lambda n: trials[n].first))
        first = np.array([trials[n].first for n in in_time])
        last = np.array([trials[n].last for n in in_time])
        near = (first[:, None] <= last) & (first <= last[:, None])  # (trial, trial)
        near |= np.abs(np.subtract.outer(np.arange(len(members)), np.arange(len(members)))) == 1
        later = original[in_time] > original[in_time][:, None]
        part[in_time[(near & later).any(axis=1)]] = _LEFT_OUT


def _check_labels(parts: Parts, trials: Sequence[Trial]) -> None:
    wanted = {trial.label for trial in trials}
    for name, members in (("training", parts.train), ("test", parts.test)):
        lacking = wanted - {trials[n].label for n in members}
        if lacking:
            raise RecordingError(
                f"the {name} part has no trial of {', '.join(sorted(lacking))}: "
                "at least 5 trials a label in a recording are needed, more are better"
            )
    if not len(parts.validation):
        raise RecordingError(
            "no trials are left for validation: record more (at least 7 a label), or use a shorter "
            "--window-ms where windows reach far beyond the trials"
        )


def _by(trials: Sequence[Trial], key: Callable[[Trial], Hashable]) -> dict[Hashable, list[int]]:
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for n, trial in enumerate(trials):
        groups[key(trial)].append(n)
    return groups
