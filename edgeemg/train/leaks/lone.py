"""Recordings in; classes that only one of several holds out."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from edgeemg.dsp.samples import Recording
from edgeemg.train.leaks.groups import Group


@dataclass(frozen=True, slots=True)
class LoneClasses:
    """Classes that occur in one recording only of the `recordings` that `name` stands for."""

    name: str
    recordings: int
    labels: tuple[str, ...]


def lone_classes(
    groups: Sequence[Group], recordings: Sequence[Recording]
) -> tuple[LoneClasses, ...]:
    """In each group of a person's recordings; then, of all recordings, what no group has shown."""
    found = [LoneClasses(one.name, len(one.recordings), _lone(one.recordings)) for one in groups]
    known = {label for one in found for label in one.labels}
    everywhere = tuple(label for label in _lone(recordings) if label not in known)
    found.append(LoneClasses("all recordings", len(recordings), everywhere))
    return tuple(one for one in found if one.labels)


def _lone(recordings: Sequence[Recording]) -> tuple[str, ...]:
    """Labels, rest too, that occur in one of several recordings only."""
    if len(recordings) < 2:
        return ()
    holders = Counter(label for one in recordings for label in {e.label for e in one.events})
    return tuple(sorted(label for label, count in holders.items() if count == 1))
