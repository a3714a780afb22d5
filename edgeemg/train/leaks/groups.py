"""Recordings in; those of one person that a model learns together out, with what they hold."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from edgeemg.dsp.samples import Recording
from edgeemg.train.trials import find_rest


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Two recordings or more of one person; session and task are empty where they differ."""

    subject: str
    session: str
    task: str
    recordings: tuple[Recording, ...]

    @property
    def name(self) -> str:
        """`P001, session 1, lips`."""
        return name_of(self.subject, self.session, self.task)

    @property
    def rest(self) -> str | None:
        """The label that means rest, if one does."""
        return find_rest(sorted({one.label for rec in self.recordings for one in rec.events}))

    @property
    def words(self) -> list[Counter[str]]:
        """How often each label but rest occurs, for each recording."""
        rest = self.rest
        return [
            Counter(event.label for event in recording.events if event.label != rest)
            for recording in self.recordings
        ]

    @property
    def word_known(self) -> float:
        """The share of words named right by who always names their recording's commonest one."""
        words = self.words
        return sum(max(one.values(), default=0) for one in words) / max(self._total, 1)

    @property
    def word_guessed(self) -> float:
        """The same by who always names the commonest word of all recordings."""
        together = sum(self.words, Counter[str]())
        return max(together.values(), default=0) / max(self._total, 1)

    @property
    def _total(self) -> int:
        return sum(sum(one.values()) for one in self.words)


def name_of(subject: str, session: str, task: str) -> str:
    """What a group is called; without the session and the task where they are empty."""
    parts = (subject, f"session {session}" if session else "", task)
    return ", ".join(part for part in parts if part)


def grouped(recordings: Sequence[Recording]) -> list[Group]:
    """The recordings of each person, session and task; where a person has never two of one
    session and task, all of that person's together. Groups of one are left out.
    """
    groups: list[Group] = []
    for subject in sorted({one.subject for one in recordings}):
        own = [one for one in recordings if one.subject == subject]
        kinds = Counter((one.session, one.task) for one in own)
        several = [
            Group(subject, *kind, tuple(one for one in own if (one.session, one.task) == kind))
            for kind, count in sorted(kinds.items())
            if count > 1
        ]
        if not several and len(own) > 1:
            several = [_together(subject, own)]
        groups += several
    return groups


def _together(subject: str, own: Sequence[Recording]) -> Group:
    sessions, tasks = {one.session for one in own}, {one.task for one in own}
    session = next(iter(sessions)) if len(sessions) == 1 else ""
    task = next(iter(tasks)) if len(tasks) == 1 else ""
    return Group(subject, session, task, tuple(own))
