"""A journal in, a `Recording` with its labelled trials out; written as EMG-BIDS, and read back."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgeemg.data import bdf
from edgeemg.data.bids import read_recording, write_recordings
from edgeemg.data.journal import ENDED, Journal, read_journal
from edgeemg.data.trial_marks import TAKEN_BACK, marks_among, taken_back, trials
from edgeemg.dsp.samples import Recording
from edgeemg.errors import RecordingError

_MUCH_LOST = 0.01  # of the samples: from here on it is said beside every result
_OWN_COUNT = "MicrovoltsPerCount"
_FLOAT32_SLACK = 1.01  # float32 of a rounded value may lie a little beyond half a count
COUNTERS = "counters"  # the event that holds what the sensor's driver counted
TOLD = "told"  # the event that holds what was told to the person about the sensor


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a journal became.

    path    its BDF
    damage  what of the file is lost, a line each; empty where that is nothing
    ended   whether the recorder came to its own end
    """

    path: Path
    recording: Recording
    damage: tuple[str, ...]
    ended: bool


def write_journal_as_bids(journal_path: Path, root: Path) -> Recovered:
    """Read a journal, write it below `root`, and compare what was written with what was recorded.

    The journal stays. RecordingError where it holds nothing; OutputExistsError where the recording
    is there already; MissingExtraError without edfio.
    """
    journal = read_journal(journal_path)
    recording = recording_of(journal)
    (path,) = write_recordings([recording], root)
    _check_written(recording, path)
    return Recovered(path, recording, tuple(journal.damage), journal.ended)


def recording_of(journal: Journal) -> Recording:
    """Samples with their labels; trials that were undone, interrupted or spoiled are none."""
    header, samples = journal.header, journal.samples
    marks = marks_among(journal.events)
    events, skipped = trials(
        marks,
        samples.index,
        samples.sample_rate_hz,
        whole=samples.finite().index,
        lost_skips=taken_back(journal.events),
    )
    about = dict(header.about)
    about["RecorderEvents"] = _told(journal)
    about["LabelAlignment"] = {
        "Onset": "the sensor's own index of the first sample after the latest that had arrived "
        "when the prompt was drawn",
        "LatestSampleAgeMs": max((mark.age_ms for mark in marks), default=0.0),
        "NotMeasured": "time from the electrode to the host, and a person's reaction time",
    }
    if skipped:
        about["SkippedTrials"] = skipped
    warnings = [*about.get("Warnings", ()), *_warnings(journal)]
    if warnings:
        about["Warnings"] = warnings
    if _is_whole(journal):
        about[_OWN_COUNT] = header.microvolts_per_count
    return Recording(
        samples=samples,
        events=tuple(events),
        channels=header.channels,
        subject=header.subject,
        session=header.session,
        task=header.task,
        run=header.run,
        mains_hz=header.mains_hz,
        generated=header.generated,
        about=about,
    )


def _told(journal: Journal) -> list[dict[str, Any]]:
    """What the recorder noted besides trials: of its counters, the last ones."""
    counters = [one for one in journal.events if one[1].get("what") == COUNTERS][-1:]
    told = [one for one in journal.events if one[1].get("what") in (TOLD, ENDED)]
    noted = [{"index": index, **event} for index, event in [*counters, *told]]
    return [{key: one[key] for key in one if key != TAKEN_BACK} for one in noted]


def _warnings(journal: Journal) -> list[str]:
    index = journal.samples.index
    span = int(index[-1] - index[0]) + 1
    lost = (span - len(index)) / span
    warnings = []
    if lost > _MUCH_LOST:
        warnings.append(f"{100 * lost:.1f} % of the samples of a recording were lost on the way.")
    if journal.damage:
        warnings.append("A recording was recovered from a damaged file: parts of it are missing.")
    return warnings


def _is_whole(journal: Journal) -> bool:
    """Whether every value is float32 of a whole 24-bit count: then nothing is rounded."""
    values = journal.samples.microvolts
    try:
        bdf.to_counts(values[np.isfinite(values)], journal.header.microvolts_per_count, exact=True)
    except RecordingError:
        return False
    return True


def _check_written(recording: Recording, path: Path) -> None:
    """What is on the disk is what was recorded, or this raises."""
    again = read_recording(path)
    written, wanted = again.samples, recording.samples
    rounding = 0.0 if _OWN_COUNT in recording.about else 0.5 * float(again.about[_OWN_COUNT])
    off = np.abs(written.microvolts - wanted.microvolts)
    same = (
        again.events == recording.events
        and np.array_equal(written.index, wanted.index)
        and np.array_equal(written.valid, wanted.valid & np.isfinite(wanted.microvolts))
        and np.array_equal(np.isfinite(written.microvolts), np.isfinite(wanted.microvolts))
        and np.nanmax(off, initial=0.0) <= rounding * _FLOAT32_SLACK
    )
    if not same:
        raise RecordingError(
            f"{path} does not hold what was recorded, and the disk may be bad: the journal is kept"
        )
