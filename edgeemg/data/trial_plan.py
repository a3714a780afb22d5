"""Words, repetitions and a seed in, the order in which they are asked for out."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeemg.data.event_rows import RESERVED, REST
from edgeemg.errors import RecordingError

_MOST_TRIALS = 10_000
SETTLE_S = 0.5  # after a word, until muscles rest: in no trial
_APART_S = 0.15  # a rest ends this long before the next word: prompts are late by less


@dataclass(frozen=True, slots=True)
class TrialPlan:
    """What is asked of a person in one recording.

    ready_s  a word is shown this long before it is to be said
    trial_s  length of a trial, seconds; of a rest trial too, as far as `rest_s` allows
    rest_s   relaxing after each word; its first half second is in no trial

    RecordingError for what cannot be a plan.
    """

    words: tuple[str, ...]
    repetitions: int
    seed: int
    ready_s: float = 1.0
    trial_s: float = 2.0
    rest_s: float = 2.5

    def __post_init__(self) -> None:
        _check_words(self.words)
        if self.repetitions < 1 or self.n_trials > _MOST_TRIALS:
            raise RecordingError(
                f"{len(self.words)} words x {self.repetitions} repetitions: wanted 1 to "
                f"{_MOST_TRIALS} trials"
            )
        if self.seed < 0:
            raise RecordingError(f"the seed must be 0 or more, got {self.seed}")
        if not (self.ready_s >= 0 and self.trial_s > 0 and self.rest_s >= 0):
            raise RecordingError(
                f"times must not be negative, and a trial not empty: got ready {self.ready_s:g} s, "
                f"trial {self.trial_s:g} s, rest {self.rest_s:g} s"
            )

    @property
    def n_trials(self) -> int:
        """Words to say in all."""
        return len(self.words) * self.repetitions

    @property
    def turn_s(self) -> float:
        """From one word to the next."""
        return self.ready_s + self.trial_s + self.rest_s

    @property
    def rest_trial_s(self) -> float:
        """Length of a rest trial; 0 where the rest is too short for one."""
        to_the_word_s = self.rest_s - SETTLE_S - max(0.0, _APART_S - self.ready_s)
        return max(0.0, min(self.trial_s, to_the_word_s))

    def order(self) -> list[str]:
        """Every word in each round once, rounds shuffled; the same plan gives the same order.

        No word follows itself where there are two words or more. Rounds spread each word over the
        whole recording, so that folds that are stretches of time hold all of them.
        """
        rng = np.random.default_rng(self.seed)
        order: list[str] = []
        for _ in range(self.repetitions):
            order += _without_echo([self.words[n] for n in rng.permutation(len(self.words))], order)
        return order


def spread(words: Sequence[str], last: str) -> list[str]:
    """The same words so that none follows itself, nor `last` comes first, where that is possible.

    The word that is left most often goes first: no other choice can save it from its like later.
    """
    left = Counter(words)
    order: list[str] = []
    while left:
        others = [word for word in left if word != last] or list(left)
        last = max(others, key=lambda word: left[word])
        order.append(last)
        left[last] -= 1
        if not left[last]:
            del left[last]
    return order


def _without_echo(turn: list[str], before: list[str]) -> list[str]:
    """A round whose first word is not the last one of the round before."""
    if before and len(turn) > 1 and turn[0] == before[-1]:
        turn[0], turn[-1] = turn[-1], turn[0]
    return turn


def _check_words(words: Sequence[str]) -> None:
    if not words:
        raise RecordingError("no words to ask for: give some, as in --words yes,no,stop")
    for word in words:
        if not word.isprintable() or word != word.strip() or not word or word in RESERVED:
            raise RecordingError(
                f"{word!r} cannot be a word: it is empty, has blanks around it or tabs in it, "
                f"or is one of {', '.join(sorted(RESERVED))}"
            )
    if REST in words:
        raise RecordingError(f"{REST!r} is recorded between the words: leave it out of the words")
    times = Counter(word.casefold() for word in words)
    twice = [word for word in words if times[word.casefold()] > 1]
    if twice:
        raise RecordingError(
            f"{', '.join(dict.fromkeys(twice))}: a word may be named once only, capitals or not"
        )
