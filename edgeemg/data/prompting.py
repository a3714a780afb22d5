"""A plan, the time, and what samples came in; what to show a person, and marks of trials, out.

Time comes in as an argument; a trial begins at the sensor's own sample index, the first one after
the latest that had arrived when the prompt was drawn, which waits until that one is not old.
Nothing here waits, reads or prints.
"""

from collections import deque
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from edgeemg.data.event_rows import REST
from edgeemg.data.trial_marks import OVERLAPPED, Break, Mark, breaks_in, gap_in
from edgeemg.data.trial_plan import SETTLE_S, TrialPlan, spread
from edgeemg.errors import RecordingError

_FRESH_S = 0.1  # a label lies at most this long before its prompt
_NONE = np.empty(0, np.int64)
_MOST_TRIES = 3  # of one trial that gaps spoil: on a link this bad, asking on would never end


class Phase(StrEnum):
    """What the person is doing."""

    PAUSED = "paused"
    READY = "get ready"
    SAY = "say"
    RELAX = "relax"
    DONE = "done"


@dataclass(slots=True)
class _Trial:
    """A labelled stretch that has begun; `tries` of its word with this one."""

    mark: Mark
    tries: int = 0
    judged: bool = False
    skipped: bool = False
    overlapped: bool = False

    @property
    def stop(self) -> int:
        return self.mark.index + self.mark.length

    @property
    def is_word(self) -> bool:
        return self.mark.what == "trial"


class Prompter:
    """Asks for every word of a plan; what was undone, interrupted or spoiled comes again later.

    phase, word        what to show: READY and SAY have a word, for RELAX it is the one before
    begins_s, ends_s   of this phase, on the caller's clock
    kept, undone       words that count so far, and words that were taken back
    given_up           words that gaps spoiled three times, which are not asked for again

    It begins PAUSED: `resume("start", ...)` begins.

    RecordingError where a trial would hold no sample.
    """

    def __init__(self, plan: TrialPlan, sample_rate_hz: float) -> None:
        if round(plan.trial_s * sample_rate_hz) < 1:
            raise RecordingError(
                f"a trial of {plan.trial_s:g} s holds no sample at {sample_rate_hz:g} Hz: "
                "give a longer --trial-s"
            )
        self.plan = plan
        self.phase = Phase.PAUSED
        self.word = ""
        self.begins_s = self.ends_s = 0.0
        self.kept = self.undone = self.given_up = 0
        self._rate_hz = sample_rate_hz
        self._queue: deque[tuple[str, int]] = deque((word, 1) for word in plan.order())
        self._again: list[tuple[str, int]] = []
        self._tries = 1  # of the word that is shown
        self._trials: list[_Trial] = []
        self._open: list[_Trial] = []  # those whose samples are still coming
        self._breaks: list[Break] = []
        self._last_index: int | None = None
        self._last_whole = -1
        self._holds = {"start"}

    @property
    def next_index(self) -> int:
        """The sensor's sample index that comes next."""
        return 0 if self._last_index is None else self._last_index + 1

    @property
    def total(self) -> int:
        """Words that will have been kept at the end."""
        return self.plan.n_trials - self.given_up

    @property
    def to_repeat(self) -> int:
        """Words that wait to be asked for again."""
        return len(self._again)

    @property
    def holds(self) -> frozenset[str]:
        """Why it is paused; empty where it is not."""
        return frozenset(self._holds)

    @property
    def taken_back(self) -> list[int]:
        """Numbers of the labelled stretches that do not count."""
        return [one.mark.number for one in self._trials if one.skipped]

    @property
    def drained(self) -> bool:
        """Whether every sample of every trial that counts has come."""
        return all(one.skipped or one.stop <= self.next_index for one in self._open)

    def left_s(self, now_s: float) -> float:
        """Seconds until the end, if nothing has to be repeated."""
        words = len(self._queue) + len(self._again)
        plan = self.plan
        after = {
            Phase.READY: plan.trial_s + plan.rest_s,
            Phase.SAY: plan.rest_s,
        }.get(self.phase, 0.0)
        running = self.phase not in (Phase.PAUSED, Phase.DONE)
        return words * plan.turn_s + after + running * max(0.0, self.ends_s - now_s)

    def arrived(self, index: NDArray[np.int64], whole: NDArray[np.int64] | None = None) -> None:
        """Take note of samples: (time,) the sensor's own index, rising.

        `whole` is the index of those among them that have every channel, where not all do.
        """
        if not len(index):
            return
        if self._last_index is None:
            self._last_whole = int(index[0]) - 1
        there = index if whole is None else whole
        self._breaks += breaks_in(there, self._last_whole)
        self._last_whole = int(there[-1]) if len(there) else self._last_whole
        self._last_index = int(index[-1])

    def step(self, now_s: float, *, age_s: float) -> list[Mark]:
        """Go on to the next phase where it is time; `age_s` is the age of the latest sample.

        A prompt that a label begins with waits for a fresh sample.
        """
        marks = self._judge()
        waits = self._last_index is None  # no index, and so no place for a trial
        if self.phase in (Phase.PAUSED, Phase.DONE) or waits or now_s < self.ends_s:
            return marks
        if age_s > _FRESH_S and self.phase in (Phase.READY, Phase.SAY):
            return marks
        if self.phase is Phase.READY:
            self._enter(Phase.SAY, now_s, self.plan.trial_s)
            marks += self._begin("trial", self.word, 0.0, self.plan.trial_s, age_s)
        elif self.phase is Phase.SAY:
            self._enter(Phase.RELAX, now_s, self.plan.rest_s)
            marks += self._begin("rest", REST, SETTLE_S, self.plan.rest_trial_s, age_s)
        else:
            self._next(now_s)
        return marks

    def undo(self, now_s: float) -> list[Mark]:
        """Take back the last word that counts; it is asked for again at the end."""
        words = [one for one in self._trials if one.is_word and not one.skipped]
        if not words or self.phase is Phase.DONE:
            return []
        self.undone += 1
        if self.phase is Phase.SAY and words[-1] is self._trials[-1]:
            self.ends_s = now_s
        return self._skip(words[-1], "undone")

    def pause(self, why: str) -> list[Mark]:
        """Hold, for a reason that `resume` names again; what was going on is asked for again."""
        if self.phase is Phase.DONE:
            return []
        self._holds.add(why)
        marks = self._interrupt(f"paused: {why}")
        if self.phase is Phase.READY:
            self._queue.appendleft((self.word, self._tries))
        self.phase = Phase.PAUSED
        return marks

    def resume(self, why: str, now_s: float) -> None:
        """Go on, where no other reason to hold is left."""
        self._holds.discard(why)
        if self.phase is Phase.PAUSED and not self._holds:
            self._next(now_s)

    def finish(self) -> list[Mark]:
        """End now; a trial that is going on does not count."""
        marks = self._interrupt("finished early")
        self.phase = Phase.DONE
        return marks

    def give_up(self, reason: str) -> list[Mark]:
        """End now; no trial counts."""
        self.phase = Phase.DONE
        return [mark for one in self._trials if not one.skipped for mark in self._skip(one, reason)]

    def _interrupt(self, reason: str) -> list[Mark]:
        """Take back what is being recorded at this moment."""
        if self.phase not in (Phase.SAY, Phase.RELAX) or not self._trials:
            return []
        last = self._trials[-1]
        begun = last.is_word == (self.phase is Phase.SAY)
        if not begun or last.skipped or (not last.is_word and last.stop <= self.next_index):
            return []
        return self._skip(last, reason)

    def _next(self, now_s: float) -> None:
        if not self._queue and self._again:
            tries = {word: [n for one, n in self._again if one == word] for word, _ in self._again}
            order = spread([word for word, _ in self._again], self.word)
            self._queue.extend((word, tries[word].pop()) for word in order)
            self._again = []
        if self._queue:
            self.word, self._tries = self._queue.popleft()
            self._enter(Phase.READY, now_s, self.plan.ready_s)
        elif not self._open:
            self.phase = Phase.DONE
        else:  # its samples are still on the way
            self.phase = Phase.RELAX

    def _enter(self, phase: Phase, now_s: float, length_s: float) -> None:
        self.phase, self.begins_s, self.ends_s = phase, now_s, now_s + length_s

    def _begin(
        self, what: str, label: str, after_s: float, length_s: float, age_s: float
    ) -> list[Mark]:
        assert what in ("trial", "rest")
        length = round(length_s * self._rate_hz)
        if not length:
            return []
        mark = Mark(
            what="trial" if what == "trial" else "rest",
            number=len(self._trials),
            index=self.next_index + round(after_s * self._rate_hz),
            length=length,
            label=label,
            age_ms=round(1000 * age_s, 1),
        )
        begun = _Trial(mark, tries=self._tries)
        for one in self._open:  # where the sensor sends fewer samples than its rate says
            if not one.skipped and one.stop > mark.index:
                one.overlapped = begun.overlapped = True
        self._trials.append(begun)
        self._open.append(begun)
        return [mark]

    def _judge(self) -> list[Mark]:
        """Look for gaps in the trials whose samples have all come."""
        marks: list[Mark] = []
        breaks = [*self._breaks, *breaks_in(_NONE, self._last_whole, self.next_index)]
        for one in [one for one in self._open if one.stop <= self.next_index]:
            self._open.remove(one)
            why = gap_in(breaks, one.mark.index, one.mark.length, self._rate_hz)
            why = OVERLAPPED if one.overlapped else why
            if why and not one.skipped:
                marks += self._skip(one, why, spoiled=True)
            elif not one.skipped:
                one.judged = True
                self.kept += one.is_word
        oldest = min((one.mark.index for one in self._open), default=self.next_index)
        self._breaks = [one for one in self._breaks if one[1] > oldest]
        return marks

    def _skip(self, trial: _Trial, reason: str, *, spoiled: bool = False) -> list[Mark]:
        self.kept -= trial.is_word and trial.judged
        trial.skipped = True
        mark = trial.mark
        if trial.is_word and spoiled and trial.tries >= _MOST_TRIES:
            self.given_up += 1
        elif trial.is_word:
            self._again.append((mark.label, trial.tries + spoiled))
        return [Mark("skip", mark.number, mark.index, mark.length, mark.label, reason)]
