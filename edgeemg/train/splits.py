"""Trials in; parts to train, validate and test on out, with nothing of one in another."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edgeemg.errors import RecordingError
from edgeemg.train.trials import Trial

_ONE_SPLIT = (
    "blocked: in each recording, the first {train:.0%} of each label's trials in time train, "
    "the next {validation:.0%} stop training early, the last {test:.0%} test; "
    "trials that touch another part's in time are left out"
)
_BLOCKED = (
    "blocked, {count} folds: in each recording, each label's trials are cut into {count} "
    "stretches of time, and each tests once, trained on what comes before and after; training "
    "trials that touch a test trial in time are left out"
)
_SHUFFLED = (
    "shuffled, {count} folds by label: neighbours in time are on both sides, which flatters; "
    "only to compare with papers"
)
_SESSION = "session: each session of a person tests once, trained on all others ({names})"
_SUBJECT = "subject: each person tests once, trained on all others ({names})"

_LEFT_OUT = -1
_TRAIN, _VALIDATION, _TEST = range(3)


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """Positions of trials; `left_out` are neighbours in time of a trial in another part.

    `name` is what tests: a number, a session or a person. `twins` were left out since their
    recording holds the samples of a tested one.
    """

    name: str
    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]
    left_out: NDArray[np.int64]
    protocol: str
    twins: int = 0


def blocked(trials: Sequence[Trial], *, validation: float = 0.15, test: float = 0.2) -> Parts:
    """One split: time-contiguous parts within each recording, by label.

    A random split puts neighbours in time on both sides and flatters; this one does not. A trial
    is left out where it is next in time to one of a later part, or shares a sample with one.
    """
    part = np.empty(len(trials), dtype=np.int64)
    for members in _in_time(trials):
        place = (np.arange(len(members)) + 0.5) / len(members)
        part[members] = np.digitize(place, [1 - test - validation, 1 - test])
    _leave_neighbours_out(part, trials)
    protocol = _ONE_SPLIT.format(train=1 - validation - test, validation=validation, test=test)
    parts = _parts("1", part, protocol)
    _check_labels(parts, trials, "at least 5 trials a label in a recording are needed")
    if not len(parts.validation):
        raise RecordingError(
            "no trials are left for validation: record more (at least 7 a label), or use a shorter "
            "--window-ms where windows reach far beyond the trials"
        )
    return parts


def blocked_folds(trials: Sequence[Trial], *, count: int, seed: int) -> list[Parts]:  # noqa: ARG001  # one signature for all
    """Each label's trials of each recording in `count` stretches of time; each tests once."""
    fold = np.empty(len(trials), dtype=np.int64)
    recordings = sorted({trial.recording for trial in trials})
    for members in _in_time(trials):
        # a recording with fewer trials than folds begins at another fold than the one before
        first = recordings.index(trials[members[0]].recording) if len(members) < count else 0
        fold[members] = (np.arange(len(members)) * count // len(members) + first) % count
    folds = _folds(fold, trials, _numbers(count), _BLOCKED.format(count=count))
    for parts in folds:
        _check_labels(parts, trials, f"{count} folds need at least {count} trials a label")
    return folds


def shuffled_folds(trials: Sequence[Trial], *, count: int, seed: int) -> list[Parts]:
    """Random folds, stratified by label. Neighbours in time stay on both sides: it flatters."""
    rng = np.random.default_rng(seed)
    fold = np.empty(len(trials), dtype=np.int64)
    for members in _by(trials, lambda trial: trial.label).values():
        fold[rng.permutation(members)] = np.arange(len(members)) % count
    protocol = _SHUFFLED.format(count=count)
    folds = [
        _parts(name, np.where(fold == number, _TEST, _TRAIN), protocol)
        for number, name in enumerate(_numbers(count))
    ]
    for parts in folds:
        _check_labels(parts, trials, f"{count} folds need at least {count} trials a label")
    return folds


def session_folds(trials: Sequence[Trial], *, count: int, seed: int) -> list[Parts]:  # noqa: ARG001  # one signature for all
    """Each session of each person tests once, trained on all others. `count` is not used."""
    several = len({trial.subject for trial in trials}) > 1

    def name(trial: Trial) -> str:
        return f"{trial.subject} {trial.session}" if several else trial.session

    return _held_out(trials, name, "session", _SESSION)


def subject_folds(trials: Sequence[Trial], *, count: int, seed: int) -> list[Parts]:  # noqa: ARG001  # one signature for all
    """Each person tests once, trained on all others. `count` is not used."""
    return _held_out(trials, lambda trial: trial.subject, "subject", _SUBJECT)


PROTOCOLS: dict[str, Callable[..., list[Parts]]] = {
    "blocked": blocked_folds,
    "session": session_folds,
    "subject": subject_folds,
    "shuffled": shuffled_folds,
}


def thinned(
    members: NDArray[np.int64], trials: Sequence[Trial], *, fraction: float, seed: int
) -> NDArray[np.int64]:
    """A random share of these trials, by recording and label; a smaller share lies in a larger.

    At least one trial of each label in each recording stays.
    """
    if fraction == 1:
        return members
    rng = np.random.default_rng(seed)
    kept = []
    for group in _by([trials[n] for n in members], _recording_and_label).values():
        order = rng.permutation(members[group])
        kept.append(order[: max(1, round(fraction * len(order)))])
    return np.sort(np.concatenate(kept))


def without_twins(parts: Parts, trials: Sequence[Trial], twins: Sequence[Sequence[str]]) -> Parts:
    """Leave training trials out whose recording is the same as another that is tested.

    twins  names of recordings that hold identical samples, a group each
    """
    tested = {trials[n].recording for n in parts.test}
    copies = {name for group in twins for name in group if (set(group) - {name}) & tested}
    is_copy = np.array([trials[n].recording in copies for n in parts.train], dtype=bool)
    if not is_copy.any():
        return parts
    left_out = np.union1d(parts.left_out, parts.train[is_copy])
    kept = replace(parts, train=parts.train[~is_copy], left_out=left_out, twins=int(is_copy.sum()))
    _check_trained(kept, trials, "the others are in recordings that are also tested")
    return kept


def _held_out(
    trials: Sequence[Trial], name: Callable[[Trial], str], what: str, protocol: str
) -> list[Parts]:
    names = sorted({name(trial) for trial in trials})
    if len(names) < 2:
        raise RecordingError(
            f"protocol {what} needs at least 2 of them, there is one, called {names[0]}: "
            "use --protocol blocked"
        )
    of = np.array([names.index(name(trial)) for trial in trials])
    folds = _folds(of, trials, names, protocol.format(names=", ".join(names)))
    for parts in folds:
        _check_trained(parts, trials, f"only {what} {parts.name} has it")
    return folds


def _folds(
    fold: NDArray[np.int64], trials: Sequence[Trial], names: Sequence[str], protocol: str
) -> list[Parts]:
    """Each number in `fold` tests once."""
    folds = []
    for number, name in enumerate(names):
        part = np.where(fold == number, _TEST, _TRAIN)
        _leave_neighbours_out(part, trials)
        folds.append(_parts(name, part, protocol))
    return folds


def _parts(name: str, part: NDArray[np.int64], protocol: str) -> Parts:
    train, validation, test, left_out = (
        np.flatnonzero(part == one) for one in (_TRAIN, _VALIDATION, _TEST, _LEFT_OUT)
    )
    return Parts(name, train, validation, test, left_out, protocol)


def _numbers(count: int) -> list[str]:
    return [str(number) for number in range(1, count + 1)]


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


def _check_labels(parts: Parts, trials: Sequence[Trial], needed: str) -> None:
    _check_trained(parts, trials, f"{needed}, more are better")
    _check_holds("test", parts.test, trials, f"{needed}, more are better")


def _check_trained(parts: Parts, trials: Sequence[Trial], why: str) -> None:
    _check_holds("training", parts.train, trials, why)


def _check_holds(name: str, part: NDArray[np.int64], trials: Sequence[Trial], why: str) -> None:
    lacking = {trial.label for trial in trials} - {trials[n].label for n in part}
    if lacking:
        raise RecordingError(f"the {name} part has no trial of {', '.join(sorted(lacking))}: {why}")


def _in_time(trials: Sequence[Trial]) -> list[list[int]]:
    """The trials of each recording and label, in the order of time."""
    groups = _by(trials, _recording_and_label).values()
    return [sorted(members, key=lambda n: trials[n].first) for members in groups]


def _recording_and_label(trial: Trial) -> Hashable:
    return (trial.recording, trial.label)


def _by(trials: Sequence[Trial], key: Callable[[Trial], Hashable]) -> dict[Hashable, list[int]]:
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for n, trial in enumerate(trials):
        groups[key(trial)].append(n)
    return groups
