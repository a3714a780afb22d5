"""True words and live decisions in, who said what when out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from edgeemg.dsp.samples import Event
from edgeemg.runtime.sinks import Decision

_GRACE_S = 0.8  # a decision may come this long after the end of its word: one default window


@dataclass(slots=True)
class LiveScore:
    """A sink that holds decisions against the words that were really said.

    A word counts as right when the first decision from its onset to a short grace after its end
    names it. `tell` is given a line of text for each decision.
    """

    words: Sequence[Event]
    sample_rate_hz: float
    tell: Callable[[str], None]
    decisions: list[Decision] = field(default_factory=list)

    def send(self, decision: Decision) -> None:
        """Keep the decision and tell it beside the word of its time."""
        self.decisions.append(decision)
        word = self._word_at(decision.sample_index)
        true = word.label if word else "rest"
        mark = "right" if word and word.label == decision.label else "WRONG"
        self.tell(
            f"{decision.t_s:7.2f} s  said {true:<10} decided {decision.label:<10} "
            f"{decision.confidence:.2f}  {mark}  ({decision.latency_ms:.1f} ms after the read)"
        )

    def close(self) -> None:
        """Nothing to let go of."""

    def result(self, until_index: int) -> tuple[int, int, int, int]:
        """Words whose time was over at `until_index`: right, wrong, missed; decisions in rest.

        A word that was decided counts, too, where its grace was not over yet.
        """
        heard = [one for one in self.words if self._is_over(one, until_index)]
        first = {word.index: self._first_in(word) for word in heard}
        right = sum(1 for word in heard if first[word.index] == word.label)
        missed = sum(1 for word in heard if first[word.index] is None)
        stray = sum(1 for one in self.decisions if self._word_at(one.sample_index) is None)
        return right, len(heard) - right - missed, missed, stray

    def _is_over(self, word: Event, until_index: int) -> bool:
        ends = word.index + word.length + self.sample_rate_hz * _GRACE_S
        return ends <= until_index or self._first_in(word) is not None

    def _first_in(self, word: Event) -> str | None:
        inside = (one.label for one in self.decisions if self._covers(word, one.sample_index))
        return next(inside, None)

    def _word_at(self, index: int) -> Event | None:
        return next((word for word in self.words if self._covers(word, index)), None)

    def _covers(self, word: Event, index: int) -> bool:
        return word.index <= index < word.index + word.length + self.sample_rate_hz * _GRACE_S
