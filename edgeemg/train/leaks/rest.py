"""A person's recordings in; how well rest alone tells which of them it comes from out."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edgeemg.dsp.samples import Event, Recording
from edgeemg.errors import RecordingError, needs_extra
from edgeemg.train.dataset import Cut, divided
from edgeemg.train.fit import predict
from edgeemg.train.front_ends import design
from edgeemg.train.leaks.groups import Group, name_of
from edgeemg.train.models.lda import Lda
from edgeemg.train.splits import blocked_folds
from edgeemg.train.trials import LabelledWindows, check_alike, cut_windows

_FOLDS = 5
_LEAST = 10  # rest segments of a recording: two in each stretch of time
_MOST = 100  # of a recording, evenly over it: the check stays cheap
_LONGEST_S = 0.8
_SHORTEST = 24  # samples: what the features need
SIGNIFICANT = 0.01
_LEAST_GAIN = 0.1  # of words that knowing the recording names


@dataclass(frozen=True, slots=True)
class RestFinding:
    """How well a linear classifier tells from rest alone which recording it comes from.

    accuracy    share of `segments` of rest that it gives to the right one of `recordings`;
                `chance` is 1 / recordings, every one has as many segments
    stretches   of time, five a recording, each named by the commonest answer in it;
                `stretches_right` of them were named right, and p_value is that of a one-sided
                binomial test on these, not on segments: neighbours in time are alike
    word_known, word_guessed  share of words that knowing the recording names, and without
    left_out    recordings with too little rest
    """

    subject: str
    session: str
    task: str
    recordings: int
    accuracy: float
    chance: float
    segments: int
    stretches: int
    stretches_right: int
    p_value: float
    word_known: float
    word_guessed: float
    left_out: int

    @property
    def name(self) -> str:
        """`P001, session 1, lips`."""
        return name_of(self.subject, self.session, self.task)

    @property
    def tells(self) -> bool:
        """Rest tells recordings apart."""
        return self.p_value < SIGNIFICANT and self.accuracy > self.chance

    @property
    def words_differ(self) -> bool:
        """Knowing the recording helps to name the word."""
        return self.word_known - self.word_guessed >= _LEAST_GAIN

    @property
    def leaks(self) -> bool:
        """Rest gives words away: it tells recordings apart, and they differ in their words."""
        return self.tells and self.words_differ


def rest_finding(group: Group) -> RestFinding:
    """Train on rest in four fifths of each recording, name the recording of the last fifth; five
    times, in stretches of time. RecordingError says why it cannot be done.

    Only the second half of each rest segment is used: a word may begin late and reach into the
    first. Front end `broad` and the features of `lda`.
    """
    marked, window = _rest_only(group)
    first = marked[0]
    bands = design("broad", first.samples.sample_rate_hz, first.mains_hz)
    whole = _balanced(cut_windows(marked, bands, window=window, hop=window))
    named = len(whole.labels)
    cut = Cut(whole, bands, first.samples.sample_rate_hz, first.channels, window, window)
    hits, segments, right = _answered(cut, named)
    return RestFinding(
        subject=group.subject,
        session=group.session,
        task=group.task,
        recordings=named,
        accuracy=hits / segments,
        chance=1 / named,
        segments=segments,
        stretches=_FOLDS * named,
        stretches_right=right,
        p_value=_p_value(right, _FOLDS * named, 1 / named),
        word_known=group.word_known,
        word_guessed=group.word_guessed,
        left_out=len(group.recordings) - named,
    )


def _answered(cut: Cut, named: int) -> tuple[int, int, int]:
    """Segments named right, segments in all, and stretches of time named right."""
    hits, segments, right = 0, 0, 0
    for parts in blocked_folds(cut.windows.trials, count=_FOLDS, seed=0):
        dataset = divided(cut, parts)
        model = Lda(len(dataset.scale), dataset.window_samples, named)
        model.solve(dataset.train.inputs, dataset.train.classes)
        answers = predict(model, dataset.test.inputs).argmax(axis=1)
        true = dataset.test.classes
        hits += int((answers == true).sum())
        segments += len(true)
        right += _stretches_right(true, answers, named)
    return hits, segments, right


def _rest_only(group: Group) -> tuple[list[Recording], int]:
    """Recordings whose events are windows of rest, labelled by where they come from, and how
    many samples these hold."""
    check_alike(group.recordings)
    rest = group.rest
    lengths = [e.length for one in group.recordings for e in one.events if e.label == rest]
    if not lengths:
        raise RecordingError("no label means rest (rest, silence, relax, idle)")
    rate = group.recordings[0].samples.sample_rate_hz
    window = min(round(_LONGEST_S * rate), int(np.median(lengths)) // 2)
    if window < _SHORTEST:
        raise RecordingError(
            f"rest segments last {np.median(lengths) / rate * 1000:.0f} ms, too short to judge"
        )
    marked = [_marked(one, rest, window) for one in group.recordings]
    enough = [one for one in marked if len(one.events) >= _LEAST]
    if len(enough) < 2:
        raise RecordingError(f"fewer than 2 recordings hold {_LEAST} segments of rest")
    return enough, window


def _marked(recording: Recording, rest: str | None, window: int) -> Recording:
    events = []
    for one in recording.events:
        if one.label != rest or one.length < window:
            continue
        count = max(1, one.length // 2 // window)
        end = one.index + one.length
        starts = range(end - count * window, end, window)
        events += [Event(start, window, recording.name) for start in starts]
    return replace(recording, events=tuple(events[n] for n in _evenly(len(events), _MOST)))


def _balanced(windows: LabelledWindows) -> LabelledWindows:
    """As many windows of each recording, evenly over it."""
    owner = windows.classes(windows.labels)
    counts = np.bincount(owner)
    if len(counts) < 2 or counts.min() < _LEAST:
        raise RecordingError(f"a recording holds fewer than {_LEAST} whole segments of rest")
    chosen = np.concatenate(
        [np.flatnonzero(owner == n)[_evenly(counts[n], counts.min())] for n in range(len(counts))]
    )
    return LabelledWindows(
        windows.values[chosen],
        np.arange(len(chosen)),
        tuple(windows.trials[n] for n in windows.trial[chosen]),
    )


def _evenly(count: int, most: int) -> NDArray[np.int64]:
    """Up to `most` of `count` positions, evenly spaced."""
    return np.linspace(0, count - 1, min(count, most)).round().astype(np.int64)


def _stretches_right(true: NDArray[np.int64], answers: NDArray[np.int64], named: int) -> int:
    """How many recordings the commonest answer to their segments names; a tie names none."""
    right = 0
    for one in range(named):
        votes = np.bincount(answers[true == one], minlength=named)
        right += int(votes[one] > np.delete(votes, one).max())
    return right


def _p_value(right: int, of: int, chance: float) -> float:
    with needs_extra("train", "looking for leaks"):
        from scipy.stats import binomtest

    return float(binomtest(right, of, chance, alternative="greater").pvalue)
