"""The somach-semg folder in (2-channel AD8232 and ESP32, one person), recordings out.

    studyB_5phase/Phase_1_Overt/*.csv   ->  sub-S01_ses-studyB_task-overt
    covert_sessions/session_A/*.csv     ->  sub-S01_ses-A_task-covert

A file is one trial of a randomised order. All trials of a folder go into one recording, in the
order in which they were recorded, on the clock of the board: what lies between two trials is a
break in time. Where that clock went back (the board was restarted), the break is one second.
Any part of the folder will do, down to one file.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeemg.data.bdf import to_microvolts
from edgeemg.data.channel_faults import without_bad_channels
from edgeemg.data.importers.imported import (
    Imported,
    ImportSettings,
    Progress,
    Skipped,
    files_below,
)
from edgeemg.data.tables import Table, read_table
from edgeemg.dsp.samples import Event, Recording, Samples, join
from edgeemg.errors import RecordingError

_CHANNELS = ("CH1", "CH2")
_SAMPLE_MS = 4
_SAMPLE_RATE_HZ = 250.0
_RESTART_GAP = 250  # samples that a restart of the board is taken to last
_HIGHEST_COUNT = 4095
_MICROVOLTS_PER_COUNT = 3.3e6 / _HIGHEST_COUNT  # ESP32, 12 bits over 3.3 V
_STUDY_B = "studyB_5phase"
_PHASE = re.compile(r"Phase_\d+_([A-Za-z]+)")
_SESSION = re.compile(r"session_([A-Za-z0-9]+)")
_NAME = re.compile(r"(?P<label>.+)_(?P<number>\d+)_(?P<date>\d{8})_(?P<time>\d{6})\.csv")
# not stated: 50 Hz stands out of the median spectrum of the trials of sessions A and B, 60 Hz does
# not; in study B neither does
_MAINS_HZ = 50.0
_ABOUT = {
    "DatasetName": "somach-semg: six classes in randomised trials, AD8232 and ESP32",
    "License": "CC-BY-4.0",
    "Authors": ["Carl Vincent Ladres Kho"],
    "Source": "https://github.com/CarlKho-Minerva/Somach_sEMG-Silent-Speech",
    "ManufacturersModelName": "AD8232 and ESP32",
    "EMGPlacementScheme": "ChannelSpecific",
    "EMGPlacementSchemeDescription": "CH1 chin (mentalis), CH2 left throat (thyrohyoid)",
    "EMGReference": "one electrode on the mastoid, shared by both amplifiers",
    "PowerLineFrequencyReason": "50 Hz stands out of the spectrum of sessions A and B; no line "
    "shows in study B",
    "MicrovoltsPerCount": _MICROVOLTS_PER_COUNT,
    "Warnings": [
        "Microvolts are at the pin of the converter (3.3 V over 4095 counts). The gain of the "
        "AD8232 is not divided out: they are not microvolts on the skin."
    ],
}


@dataclass(frozen=True, slots=True, eq=False)
class _Trial:
    path: Path
    label: str
    ticks: NDArray[np.int64]  # (time,) samples since the board started
    microvolts: NDArray[np.float32]  # (time, channel)


def read_somach_semg(source: Path, settings: ImportSettings, progress: Progress) -> Imported:
    """The folder or any part of it -> recordings; RecordingError names the file and the line."""
    paths = files_below(source, (".csv",), "somach-semg trials (DOWN_001_20260211_221241.csv)")
    shortest = settings.min_trial_ms / _SAMPLE_MS
    groups: dict[tuple[str, str], list[_Trial]] = defaultdict(list)
    skipped: dict[tuple[str, str], list[Skipped]] = defaultdict(list)
    for path in progress(sorted(paths, key=_recorded_at)):
        group = _session_and_task(path)
        trial = _read_trial(path)
        if len(trial.ticks) < max(shortest, 1):
            took_ms = len(trial.ticks) * _SAMPLE_MS
            reason = f"{took_ms} ms, shorter than {settings.min_trial_ms:g} ms"
            skipped[group].append(Skipped(path.name, reason if took_ms else "no samples"))
        else:
            groups[group].append(trial)
    if not groups:
        raise RecordingError(f"{source}: every trial is shorter than {settings.min_trial_ms:g} ms")
    recordings = [_recording(group, groups[group], skipped[group]) for group in sorted(groups)]
    kept, dropped = without_bad_channels(recordings, keep=settings.keep_bad_channels)
    left_out = tuple(one for group in sorted(skipped) for one in skipped[group])
    return Imported(tuple(kept), left_out, dropped)


def _session_and_task(path: Path) -> tuple[str, str]:
    *_, study, folder, _ = path.resolve().parts
    phase, session = _PHASE.fullmatch(folder), _SESSION.fullmatch(folder)
    if phase and study == _STUDY_B:
        return "studyB", phase[1].lower()
    if session:
        return session[1], "covert"
    raise RecordingError(
        f"{path}: a somach-semg trial must lie in {_STUDY_B}/Phase_<n>_<name> or in "
        f"session_<name>, got {study}/{folder}"
    )


def _recorded_at(path: Path) -> tuple[str, str, str]:
    parts = _NAME.fullmatch(path.name)
    if not parts:
        raise RecordingError(
            f"{path}: a somach-semg trial must be named <LABEL>_<number>_<date>_<time>.csv"
        )
    return parts["date"], parts["time"], path.name


def _read_trial(path: Path) -> _Trial:
    if not path.stat().st_size:
        return _Trial(path, "", np.zeros(0, dtype=np.int64), np.zeros((0, 2), dtype=np.float32))
    table = read_table(path, numbers=("Timestamp", *_CHANNELS), texts=("Label", "Phase"))
    _check_trial(table, path)
    label = _NAME.fullmatch(path.name)
    assert label is not None  # _recorded_at saw every name
    ticks = table.numbers[:, 0].astype(np.int64) // _SAMPLE_MS
    counts = table.numbers[:, 1:].astype(np.int32)
    return _Trial(path, label["label"], ticks, to_microvolts(counts, _MICROVOLTS_PER_COUNT))


def _check_trial(table: Table, path: Path) -> None:
    """RecordingError with the line of the first row that the board cannot have sent."""
    if not len(table):
        return
    clock, counts = table.numbers[:, 0], table.numbers[:, 1:]
    name = path.name.rsplit("_", 3)[0]
    steps = np.diff(clock, prepend=clock[0] - _SAMPLE_MS)
    faults = {
        f"CH1 and CH2 must be whole counts from 0 to {_HIGHEST_COUNT}": (
            (counts < 0) | (counts > _HIGHEST_COUNT) | (counts != np.rint(counts))
        ).any(axis=1),
        f"Timestamp must rise by a multiple of {_SAMPLE_MS} ms": (
            (steps <= 0) | (steps % _SAMPLE_MS != 0) | (clock != np.rint(clock)) | (clock < 0)
        ),
        f"Label must be {name!r} as in the file's name": np.array(
            [label != name for label in table.texts["Label"]], dtype=np.bool_
        ),
    }
    for wanted, rows in faults.items():
        if rows.any():
            raise RecordingError(f"{path}, line {table.lines[np.argmax(rows)]}: {wanted}")


def _recording(
    group: tuple[str, str], trials: Sequence[_Trial], skipped: Sequence[Skipped]
) -> Recording:
    pieces: list[Samples] = []
    events: list[Event] = []
    offset, last = 0, -1
    for trial in trials:
        if trial.ticks[0] + offset <= last:
            offset = last + _RESTART_GAP + 1 - int(trial.ticks[0])
        index = trial.ticks + offset
        last = int(index[-1])
        valid = np.ones(trial.microvolts.shape, dtype=np.bool_)
        pieces.append(Samples(trial.microvolts, _SAMPLE_RATE_HZ, index, valid))
        events.append(Event(int(index[0]), last + 1 - int(index[0]), trial.label))
    session, task = group
    listed = [{"name": one.name, "reason": one.reason} for one in skipped]
    return Recording(
        samples=join(pieces),
        events=tuple(events),
        channels=_CHANNELS,
        subject="S01",
        session=session,
        task=task,
        run="",
        mains_hz=_MAINS_HZ,
        generated=False,
        about={**_ABOUT, "SkippedTrials": listed} if listed else dict(_ABOUT),
    )
