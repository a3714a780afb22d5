"""True words and live decisions in, who said what when out."""

from collections.abc import Callable
from dataclasses import dataclass, field

from edgeemg.runtime.event_metrics import Timeline, match
from edgeemg.runtime.sinks import Decision


@dataclass(slots=True)
class LiveScore:
    """A sink that holds decisions against the words that were really said.

    Words and decisions belong together as edgeemg.runtime.event_metrics says. `tell` is given a
    line of text for each decision.
    """

    timeline: Timeline
    tell: Callable[[str], None]
    decisions: list[Decision] = field(default_factory=list)

    def send(self, decision: Decision) -> None:
        """Keep the decision and tell it beside the word of its time."""
        self.decisions.append(decision)
        position = self.timeline.word_at(decision.sample_index)
        true = "rest" if position is None else self.timeline.words[position].label
        mark = "right" if position is not None and true == decision.label else "WRONG"
        self.tell(
            f"{decision.t_s:7.2f} s  said {true:<10} decided {decision.label:<10} "
            f"{decision.confidence:.2f}  {mark}  ({decision.latency_ms:.1f} ms after the read)"
        )

    def close(self) -> None:
        """Nothing to let go of."""

    def result(self, until_index: int) -> tuple[int, int, int, int]:
        """Words whose time was over at `until_index`: right, wrong, missed; decisions in rest.

        A word that was decided counts, too, where its time was not over yet.
        """
        matched = match(self.decisions, self.timeline)
        words = self.timeline.words
        answers = matched.answers
        right = sum(one.label == words[position].label for position, one in answers.items())
        missed = sum(
            position not in answers and self.timeline.span_end(position) <= until_index
            for position in range(len(words))
        )
        return right, len(answers) - right, missed, len(matched.false)
