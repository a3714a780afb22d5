"""Decisions and the words of a recording in; hits, misses, false activations and delays out.

How a decision is matched. A word's span runs from its onset to a grace after its end (windows
still hold the word then), or to the next word's onset where that comes first. The first decision
in a span answers the word: a hit where it names it, wrong where it names another; a word without
one is missed; later ones in the span are repeats. A decision outside every span is a false
activation. So words = hits + wrong + missed, and decisions = hits + wrong + repeats + false.

What is judged. Only hops that can decide count: not those before a first window is full, in a
break in time, or with a channel off. False activations are told by the hour of such hops outside
every span (rest), so that a recording full of words does not thin them out. A word with no such
hop in its span is unheard: counted, and neither hit nor missed.

A delay runs from a word's onset to the last sample that its hit saw: the signal alone. What the
board takes on top is the `latency_ms` of a live decision.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, fields
from itertools import pairwise
from typing import Protocol

import numpy as np

from edgeemg.dsp.samples import Event
from edgeemg.errors import RecordingError
from edgeemg.manifest import Manifest
from edgeemg.runtime.intervals import Estimate, rate_an_hour, share


class Decided(Protocol):
    """What is held against words: a label, and the last sample that it saw."""

    @property
    def label(self) -> str:
        """What was decided."""
        ...

    @property
    def sample_index(self) -> int:
        """The sensor's index of the last sample that it saw."""
        ...


def words_of(events: Iterable[Event], manifest: Manifest) -> list[Event]:
    """The words among a recording's events: labels of the model, rest apart.

    A label that the model does not know (a cough, rest under another name) is no word: what is
    decided in it is a false activation.
    """
    words = set(manifest.labels) - {manifest.rest_label}
    return [event for event in events if event.label in words]


def usual_grace(words: Iterable[Iterable[Event]], manifest: Manifest) -> int:
    """How long after its end a word counts, in samples, where nobody says: one window of the
    model, but no more than half of the median gap between words, so that rest is left.

    words  those of each recording
    """
    gaps = [
        after.index - (before.index + before.length)
        for one in words
        for before, after in pairwise(sorted(one, key=lambda word: word.index))
    ]
    if not gaps:
        return manifest.window_samples
    return max(0, min(manifest.window_samples, int(np.median(gaps)) // 2))


class Timeline:
    """The words of one recording in time, and their spans, as the module says."""

    def __init__(self, words: Iterable[Event], grace_samples: int) -> None:
        if grace_samples < 0:
            raise RecordingError(f"the grace after a word must be 0 or more, got {grace_samples}")
        self.words = tuple(sorted(words, key=lambda word: word.index))
        self.grace_samples = grace_samples
        self._onsets = [word.index for word in self.words]

    def word_at(self, index: int) -> int | None:
        """Position of the word in whose span the sample lies; None outside every span."""
        position = bisect_right(self._onsets, index) - 1
        if position < 0 or index >= self._ends(position):
            return None
        return position

    def span_end(self, position: int) -> int:
        """The first sample behind a word's span."""
        following = self._onsets[position + 1 : position + 2]
        return min([self._ends(position), *following])

    def between(self, start: float, stop: float) -> "Timeline":
        """The words whose whole span lies in samples start .. stop - 1."""
        kept = [
            word
            for position, word in enumerate(self.words)
            if start <= word.index and self.span_end(position) <= stop
        ]
        return Timeline(kept, self.grace_samples)

    def _ends(self, position: int) -> int:
        word = self.words[position]
        return word.index + word.length + self.grace_samples


@dataclass(frozen=True, slots=True)
class Matched:
    """Decisions beside words: the one that answers each word by its position, repeats, and
    false activations."""

    answers: dict[int, Decided]
    repeats: list[Decided]
    false: list[Decided]


def match(decisions: Iterable[Decided], timeline: Timeline) -> Matched:
    """Which word each decision, in the order of time, belongs to."""
    matched = Matched({}, [], [])
    for one in decisions:
        position = timeline.word_at(one.sample_index)
        if position is None:
            matched.false.append(one)
        elif position in matched.answers:
            matched.repeats.append(one)
        else:
            matched.answers[position] = one
    return matched


@dataclass(frozen=True, slots=True)
class EventCounts:
    """What came of decisions; counts of several stretches add up.

    words_by_label   those heard; hits_by_label of these were hit
    delays_ms        of the hits
    signal_hours     hops that could decide; `rest_hours` of these lie outside every span
    untrusted_hours  hops with a channel off, which decide nothing
    """

    words_by_label: Counter[str] = field(default_factory=Counter)
    hits_by_label: Counter[str] = field(default_factory=Counter)
    wrong: int = 0
    missed: int = 0
    repeats: int = 0
    false_activations: int = 0
    unheard_words: int = 0
    signal_hours: float = 0.0
    rest_hours: float = 0.0
    untrusted_hours: float = 0.0
    delays_ms: tuple[float, ...] = ()

    def __add__(self, other: "EventCounts") -> "EventCounts":
        names = (one.name for one in fields(self))
        return EventCounts(*(getattr(self, name) + getattr(other, name) for name in names))

    @property
    def words(self) -> int:
        """Words heard: hits + wrong + missed."""
        return self.words_by_label.total()

    @property
    def hits(self) -> int:
        """Words whose first decision named them."""
        return self.hits_by_label.total()

    @property
    def failures(self) -> int:
        """What went wrong for the one who spoke: words missed, taken for another, or told twice."""
        return self.missed + self.wrong + self.repeats

    def false_per_hour(self) -> Estimate:
        """False activations an hour of rest."""
        return rate_an_hour(self.false_activations, self.rest_hours)

    def share_of_words(self, count: int) -> Estimate:
        """A count of words as a share of those heard."""
        return share(count, self.words)

    def delay_ms(self, percentile: float) -> float | None:
        """A percentile of the delay of hits; None where there was no hit."""
        return float(np.percentile(self.delays_ms, percentile)) if self.delays_ms else None


def count(
    matched: Matched, timeline: Timeline, *, heard: Collection[int], sample_rate_hz: float
) -> EventCounts:
    """Matched decisions -> counts, without hours; `heard` are the positions of words that could
    be decided."""
    words = timeline.words
    hits = {
        position: one
        for position, one in matched.answers.items()
        if one.label == words[position].label
    }
    return EventCounts(
        words_by_label=Counter(words[position].label for position in heard),
        hits_by_label=Counter(one.label for one in hits.values()),
        wrong=len(matched.answers) - len(hits),
        missed=len(heard) - len(matched.answers),
        repeats=len(matched.repeats),
        false_activations=len(matched.false),
        unheard_words=len(words) - len(heard),
        delays_ms=tuple(
            (one.sample_index - words[position].index) / sample_rate_hz * 1000
            for position, one in hits.items()
        ),
    )
