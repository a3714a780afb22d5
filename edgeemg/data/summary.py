"""A folder of recordings in, what is in it out: people, minutes, trials, and what was left out."""

from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from edgeemg.data.bids import read_recordings
from edgeemg.dsp.samples import Recording


@dataclass(slots=True)
class Group:
    """All recordings of one person, session and task. `breaks` in time, `invalid` share of samples.

    Rates, channels and mains are lists: more than one entry means that the recordings differ.
    """

    subject: str
    session: str
    task: str
    recordings: int = 0
    samples: int = 0
    minutes: float = 0.0
    breaks: int = 0
    invalid: float = 0.0
    generated: bool = False
    sample_rate_hz: list[float] = field(default_factory=list)
    mains_hz: list[float | None] = field(default_factory=list)
    channels: list[str] = field(default_factory=list)
    trials: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Summary:
    """What a folder of recordings holds; every recording was read to the end for it."""

    folder: str
    groups: list[Group] = field(default_factory=list)
    trials: dict[str, int] = field(default_factory=dict)
    dropped_channels: dict[str, str] = field(default_factory=dict)
    invalid_channels: dict[str, str] = field(default_factory=dict)
    kept_bad_channels: dict[str, str] = field(default_factory=dict)
    skipped_trials: list[dict[str, str]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    licences: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    generated: bool = False

    def as_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)


def summarise(folder: Path) -> Summary:
    """Read every recording below `folder`. RecordingError names the first that cannot be read."""
    summary = Summary(str(folder))
    groups: dict[tuple[str, str, str], Group] = {}
    for recording in read_recordings(folder):
        key = (recording.subject, recording.session, recording.task)
        _add_to_group(groups.setdefault(key, Group(*key)), recording)
        _add_to_summary(summary, recording)
    summary.groups = list(groups.values())
    return summary


def _add_to_group(group: Group, recording: Recording) -> None:
    samples = recording.samples
    invalid = group.invalid * group.samples + float((~samples.valid).mean()) * len(samples)
    group.recordings += 1
    group.samples += len(samples)
    group.invalid = invalid / group.samples
    group.minutes += len(samples) / samples.sample_rate_hz / 60
    group.breaks += sum(1 for _ in samples.runs()) - 1
    group.generated |= recording.generated
    _once(group.sample_rate_hz, samples.sample_rate_hz)
    _once(group.mains_hz, recording.mains_hz)
    for name in recording.channels:
        _once(group.channels, name)
    _count(group.trials, recording)


def _add_to_summary(summary: Summary, recording: Recording) -> None:
    about = recording.about
    _count(summary.trials, recording)
    summary.generated |= recording.generated
    summary.dropped_channels.update(about.get("DroppedChannels", {}))
    for kind, into in (
        ("InvalidChannels", summary.invalid_channels),
        ("KeptBadChannels", summary.kept_bad_channels),
    ):
        faults = about.get(kind, {})
        into.update({f"{recording.name} {name}": reason for name, reason in faults.items()})
    for one in about.get("SkippedTrials", []):
        _once(summary.skipped_trials, one)
    for kind, listed in (
        ("DatasetName", summary.names),
        ("License", summary.licences),
        ("Source", summary.sources),
    ):
        if kind in about:
            _once(listed, str(about[kind]))
    for warning in about.get("Warnings", []):
        _once(summary.warnings, str(warning))


def _count(trials: dict[str, int], recording: Recording) -> None:
    for label, number in Counter(event.label for event in recording.events).items():
        trials[label] = trials.get(label, 0) + number


def _once(listed: list[Any], one: Any) -> None:
    if one not in listed:
        listed.append(one)
