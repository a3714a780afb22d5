"""Stretches of recordings and a rate of false activations in; decision settings that keep it out.

For each way of smoothing, agreeing and waiting, every label gets a threshold of its own: a word
that swallowing looks like needs a higher one than the others. From a start where nothing passes,
the threshold is lowered that wins the most words for the false activations it is expected to
cost (edgeemg.runtime.tails), as long as the target is kept. What was chosen is then run through
the gate, and has to keep the target there too. Best is the one with the fewest failures (words
missed, taken for another, or told twice), then the least delay.

The refractory time is never longer than the manifest's: recordings paced slowly would ask for
one that swallows the second of two quick words.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edgeemg.manifest import DecisionSettings, Manifest
from edgeemg.runtime.event_metrics import EventCounts
from edgeemg.runtime.stretches import Stretch, total
from edgeemg.runtime.tails import expected

_STEP = 0.3  # log-odds from one threshold to the next
_LOG_ODDS = np.arange(-1.0, 14.0, _STEP)  # networks that are too sure of themselves go far
THRESHOLDS = tuple(round(float(one), 7) for one in 1 / (1 + np.exp(-_LOG_ODDS)))
_SMOOTHING_HOPS = (1, 2, 3, 5)
_AGREEMENT_HOPS = (1, 2, 4)
_REFRACTORY_MS = 500.0
_BUDGETS = (1.0, 0.75, 0.5, 0.35, 0.2)  # shares of the target that are tried
_FARTHEST = 0.1  # expected false activations in all; a tail is followed so far and no further
FACTOR = 2.0  # a held-out rate may be so many times the target
ENOUGH = 3.0  # expected false activations from which a held-out part can be judged


@dataclass(frozen=True, slots=True)
class Tuned:
    """Settings and what came of them in the tuning part; or none that keep the target.

    least_per_hour  the lowest rate that so much rest could promise while a word is still heard
    """

    settings: DecisionSettings | None
    counts: EventCounts
    least_per_hour: float


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether a held-out part bears the target out.

    expected    false activations that the target allows in it
    rest_hours  held-out rest that would be enough to judge
    """

    verdict: Literal["held", "exceeded", "cannot be judged"]
    expected: float
    rest_hours: float


def structures(manifest: Manifest) -> list[DecisionSettings]:
    """The ways of smoothing, agreeing and waiting that are tried, the manifest's own among them."""
    own = replace(manifest.decision, thresholds={}, origin="")
    tried = {
        (smoothing, agreement, refractory): replace(
            own, smoothing_hops=smoothing, agreement_hops=agreement, refractory_ms=refractory
        )
        for smoothing in _SMOOTHING_HOPS
        for agreement in _AGREEMENT_HOPS
        for refractory in (min(_REFRACTORY_MS, own.refractory_ms), own.refractory_ms)
    }
    tried[own.smoothing_hops, own.agreement_hops, own.refractory_ms] = own
    return list(tried.values())


def tune(
    stretches: Sequence[Stretch],
    manifest: Manifest,
    *,
    false_per_hour: float,
    max_delay_ms: float | None = None,
    on_step: Callable[[], None] = lambda: None,
) -> Tuned:
    """The settings that keep `false_per_hour` of rest with the fewest failures.

    max_delay_ms  nine of ten hits must come within this time from onset
    on_step       called once for each of `structures`
    """
    best = Tuned(None, total(stretches, manifest.decision), np.inf)
    for structure in structures(manifest):
        tuned = _tune_one(stretches, manifest, structure, false_per_hour)
        least = min(best.least_per_hour, tuned.least_per_hour)
        slow = max_delay_ms is not None and _p(90, tuned) > max_delay_ms
        if not slow and _rank(tuned) < _rank(best):
            best = tuned
        best = replace(best, least_per_hour=least)
        on_step()
    return best


def judge(counts: EventCounts, false_per_hour: float) -> Judgement:
    """Whether a held-out part bears the target out, within a factor of two.

    It does where no more than twice the expected number came, and 3 or more are expected. From
    3 on, settings that keep the target fail by chance in 3 % of held-out parts, and settings at
    four times the target pass in 5 % (Poisson: P(n > 6 | 3) = 0.034, P(n <= 6 | 12) = 0.046).
    With fewer, it can only be refuted: by an interval that lies above twice the target.
    """
    allowed = false_per_hour * counts.rest_hours
    needed = ENOUGH / false_per_hour
    if counts.false_per_hour().low > FACTOR * false_per_hour:
        return Judgement("exceeded", allowed, needed)
    if allowed < ENOUGH:
        return Judgement("cannot be judged", allowed, needed)
    kept = counts.false_activations <= FACTOR * allowed
    return Judgement("held" if kept else "exceeded", allowed, needed)


def _rank(tuned: Tuned) -> tuple[bool, int, float]:
    return tuned.settings is None, tuned.counts.failures, _p(50, tuned)


def _p(percentile: float, tuned: Tuned) -> float:
    delay_ms = tuned.counts.delay_ms(percentile)
    return np.inf if delay_ms is None else delay_ms


def _tune_one(
    stretches: Sequence[Stretch],
    manifest: Manifest,
    structure: DecisionSettings,
    false_per_hour: float,
) -> Tuned:
    """The best thresholds for one structure."""
    words = [label for label in manifest.labels if label != manifest.rest_label]
    false, won = _tables(stretches, words, structure)
    cost = expected(false, _STEP)
    nothing = total(stretches, structure)
    allowed = false_per_hour * nothing.rest_hours
    least = _least(cost, won) / nothing.rest_hours if nothing.rest_hours else np.inf
    for share in _BUDGETS if allowed >= _FARTHEST else ():
        chosen = _lowered(cost, won, share * allowed)
        if chosen is None:
            break
        by_label = {word: THRESHOLDS[n] for word, n in zip(words, chosen, strict=True)}
        settings = replace(structure, threshold=max(by_label.values()), thresholds=by_label)
        counts = total(stretches, settings)
        if counts.hits and counts.false_activations <= allowed:
            return Tuned(settings, counts, least)
    return Tuned(None, nothing, least)


def _tables(
    stretches: Sequence[Stretch], words: Sequence[str], structure: DecisionSettings
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(label, threshold) false activations, and hits less repeats, by the label decided.

    One threshold for all labels at a time: what they do to each other through the refractory
    time is left to the check at the end.
    """
    false = np.zeros((len(words), len(THRESHOLDS)), dtype=np.int64)
    won = np.zeros_like(false)
    row = {word: n for n, word in enumerate(words)}
    for column, threshold in enumerate(THRESHOLDS):
        settings = replace(structure, threshold=threshold)
        for stretch in stretches:
            matched = stretch.matched(settings)
            for one in matched.false:
                false[row[one.label], column] += 1
            for one in matched.repeats:
                won[row[one.label], column] -= 1
            for position, one in matched.answers.items():
                hit = one.label == stretch.timeline.words[position].label
                won[row[one.label], column] += hit
    return false, won


def _lowered(
    cost: NDArray[np.float64], won: NDArray[np.int64], budget: float
) -> NDArray[np.int64] | None:
    """(label, threshold) tables -> each label's position of a threshold; None where even the
    highest ones cost more than the budget."""
    labels = np.arange(len(cost))
    chosen = np.full(len(cost), cost.shape[1] - 1)
    if cost[:, -1].sum() > budget:
        return None
    while True:
        spent = cost[labels, chosen].sum()
        extra = cost - cost[labels, chosen][:, None]
        more = won - won[labels, chosen][:, None]
        lower = np.arange(cost.shape[1]) < chosen[:, None]
        able = lower & (more > 0) & (spent + extra <= budget)
        if not able.any():
            return chosen
        worth = np.where(able, more / np.maximum(extra, 1e-9), -np.inf)
        label, position = np.unravel_index(int(worth.argmax()), worth.shape)
        chosen[label] = position


def _least(cost: NDArray[np.float64], won: NDArray[np.int64]) -> float:
    """The least that a threshold which wins a word is expected to cost, the others at their
    highest."""
    extra = cost - cost[:, -1:]
    wins = won > np.maximum(won[:, -1:], 0)
    wins[:, -1] = won[:, -1] > 0
    if not wins.any():
        return float(np.inf)
    return max(_FARTHEST, float(cost[:, -1].sum() + extra[wins].min()))
