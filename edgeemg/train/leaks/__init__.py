"""Recordings in; what betrays a class or a recording without any speech out, with figures.

Looked for before any model is trained: rest that tells recordings of different words apart, trial
lengths that name the class, classes in one recording only, and recordings that are the same.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from edgeemg.dsp.identical import identical, warning_of
from edgeemg.dsp.samples import Recording
from edgeemg.errors import RecordingError
from edgeemg.train.leaks.groups import Group, grouped
from edgeemg.train.leaks.length import LengthFinding, length_finding
from edgeemg.train.leaks.lone import LoneClasses, lone_classes
from edgeemg.train.leaks.rest import SIGNIFICANT, RestFinding, rest_finding


@dataclass(frozen=True, slots=True)
class Untested:
    """Recordings of which the question about rest could not be answered, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Leaks:
    """What `check` found; a finding that is no leak is here too, with its figures.

    identical   names of recordings that hold the same samples, one tuple a group
    untested    groups whose rest could not be judged
    """

    rest: tuple[RestFinding, ...]
    length: tuple[LengthFinding, ...]
    lone_classes: tuple[LoneClasses, ...]
    identical: tuple[tuple[str, ...], ...]
    untested: tuple[Untested, ...]
    warnings: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain JSON; `leaks` tells of each finding whether it is one."""
        return {
            "rest": [asdict(one) | {"leaks": one.leaks} for one in self.rest],
            "length": [asdict(one) | {"leaks": one.leaks} for one in self.length],
            "lone_classes": [asdict(one) for one in self.lone_classes],
            "identical": [list(names) for names in self.identical],
            "untested": [asdict(one) for one in self.untested],
            "warnings": list(self.warnings),
        }


def check(recordings: Sequence[Recording]) -> Leaks:
    """Look for all of it. Nothing is random: the same recordings give the same figures."""
    labelled = [one for one in recordings if one.events]
    groups = grouped(labelled)
    rest, untested = _rest(groups)
    length = _length(labelled)
    lone = lone_classes(groups, labelled)
    same = identical(recordings)
    return Leaks(
        rest=rest,
        length=length,
        lone_classes=lone,
        identical=tuple(tuple(one.name for one in group) for group in same),
        untested=untested,
        warnings=(
            *_rest_warning(rest),
            *_length_warning(length),
            *_lone_warning(lone),
            *map(warning_of, same),
        ),
    )


def warnings(recordings: Sequence[Recording]) -> list[str]:
    """What has to be said beside a figure for these recordings, and their own warnings do not."""
    said = {text for recording in recordings for text in recording.warnings}
    return [text for text in check(recordings).warnings if text not in said]


def _rest(groups: Sequence[Group]) -> tuple[tuple[RestFinding, ...], tuple[Untested, ...]]:
    findings: list[RestFinding] = []
    untested: list[Untested] = []
    for group in groups:
        try:
            findings.append(rest_finding(group))
        except RecordingError as error:
            untested.append(Untested(group.name, str(error)))
    return tuple(findings), tuple(untested)


def _length(recordings: Sequence[Recording]) -> tuple[LengthFinding, ...]:
    people = sorted({one.subject for one in recordings})
    found = (length_finding([r for r in recordings if r.subject == one]) for one in people)
    return tuple(one for one in found if one is not None)


def _rest_warning(findings: Sequence[RestFinding]) -> list[str]:
    """One sentence over all people whose recordings differ in their words."""
    exposed = [one for one in findings if one.words_differ]
    telling = [one for one in exposed if one.tells]
    # the more people, the more of them stand out by chance
    if not telling or min(one.p_value for one in telling) * len(exposed) >= SIGNIFICANT:
        return []
    segments = sum(one.segments for one in exposed)
    accuracy = sum(one.accuracy * one.segments for one in exposed) / segments
    chance = sum(one.chance * one.segments for one in exposed) / segments
    sets = f"in {len(telling)} of {len(exposed)} sets of recordings" if len(exposed) > 1 else ""
    return [
        "Rest alone tells which of a person's recordings it comes from: a linear classifier names "
        f"{accuracy:.0%} of {segments:,} segments of rest right (chance {chance:.0%}; above it "
        f"{sets + ', ' if sets else ''}p < 0.01, binomial test over stretches of time). These "
        "recordings differ in their words, so word accuracy on them measures the recording as "
        "much as the word."
    ]


def _length_warning(findings: Sequence[LengthFinding]) -> list[str]:
    leaking = [one for one in findings if one.leaks]
    if not leaking:
        return []
    worst = max(leaking, key=lambda one: one.balanced_accuracy - one.chance)
    several = len(findings) > 1
    where = f"In {len(leaking)} of {len(findings)} people the" if several else "The"
    whose = f" ({worst.subject})" if several else ""
    return [
        f"{where} length of a trial betrays its class: by length alone a decision tree reaches "
        f"{worst.balanced_accuracy:.0%} balanced accuracy{whose} over {worst.trials:,} trials "
        f"(chance {worst.chance:.0%}; p < 0.001, chi-squared test). Windows of a fixed length, as "
        "edgeemg cuts them, hide it; a model that sees whole trials or their padding needs no EMG."
    ]


def _lone_warning(findings: Sequence[LoneClasses]) -> list[str]:
    if not findings:
        return []
    labels = sorted({label for one in findings for label in one.labels})
    first = findings[0]
    where = (
        f"in {len(findings)} sets of recordings, as in {first.name}"
        if len(findings) > 1
        else f"in {first.name}"
    )
    return [
        f"{', '.join(labels)}: recorded in one recording only where there are several "
        f"({where}): whatever is particular to that recording names the class as well as the "
        "speech does."
    ]
