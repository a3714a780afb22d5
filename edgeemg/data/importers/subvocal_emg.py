"""The subvocal-emg folder in (8-channel OpenBCI Cyton, 7 people), recordings out.

    P001/F/Sim.csv.gz  ->  sub-P001_ses-1_task-spoken_run-2

Every file is one recording of one word: blocks of about 0.8 s of the word on the screen and of
silence take turns, and each block is an event. The runs of a person and style are numbered in
alphabetical order of the words. Any part of the folder will do, down to one file.
"""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import numpy as np

from edgeemg.data.bdf import to_microvolts
from edgeemg.data.channel_faults import without_bad_channels
from edgeemg.data.cyton import MICROVOLTS_PER_COUNT
from edgeemg.data.event_rows import REST
from edgeemg.data.importers.imported import (
    Imported,
    ImportSettings,
    Progress,
    files_below,
)
from edgeemg.data.tables import read_table
from edgeemg.dsp.samples import Event, Recording, Samples
from edgeemg.errors import RecordingError

_STYLES = {"F": "spoken", "A": "lips", "S": "subvocal"}
_CHANNELS = tuple(f"Channel_{number}" for number in range(1, 9))
_SUFFIXES = (".csv", ".csv.gz")
_SAMPLE_RATE_HZ = 250.0
_SILENCE = "$SILENCE"
_ROUNDING = 1e-3  # counts; the published decimals are off by 1e-9
_ABOUT = {
    "DatasetName": "subvocal-emg: spoken, lips-only and subvocal words, OpenBCI Cyton",
    "License": "BSD-3-Clause",
    "Authors": ["Mateus de Aquino Batista"],
    "Source": "https://github.com/MateusAquino/subvocalization-emg",
    "EthicsApprovals": ["CAAE 65587722.5.0000.5503"],
    "Manufacturer": "OpenBCI",
    "ManufacturersModelName": "Cyton",
    "HardwareFilters": "n/a",
    "MicrovoltsPerCount": MICROVOLTS_PER_COUNT,
    "Warnings": [
        "Each file holds one word only. A linear classifier tells from the silence blocks alone "
        "which of a person's three files they came from, 74 % of the time (chance 33 %). So word "
        "accuracy on this set measures the recording as much as the word."
    ],
}


def read_subvocal_emg(source: Path, settings: ImportSettings, progress: Progress) -> Imported:
    """The folder or any part of it -> recordings; RecordingError names the file and the line."""
    paths = files_below(source, _SUFFIXES, "subvocal-emg files (P001/F/Sim.csv.gz)")
    recordings = [_recording(path) for path in progress(paths)]
    recordings.sort(key=lambda recording: recording.name)
    kept, dropped = without_bad_channels(recordings, keep=settings.keep_bad_channels)
    return Imported(tuple(kept), dropped_channels=dropped)


def _recording(path: Path) -> Recording:
    *_, subject, style, _ = path.resolve().parts
    if style not in _STYLES:
        raise RecordingError(
            f"{path}: the folder of a subvocal-emg file must be F, A or S, got {style!r}"
        )
    table = read_table(path, numbers=_CHANNELS, texts=("WORD",))
    counts = np.rint(table.numbers / MICROVOLTS_PER_COUNT)
    off = np.abs(table.numbers / MICROVOLTS_PER_COUNT - counts).max(axis=1, initial=0.0)
    if (off > _ROUNDING).any():
        line = table.lines[np.argmax(off > _ROUNDING)]
        raise RecordingError(
            f"{path}, line {line}: a value is not a whole number of Cyton counts at gain 24; "
            "import this file with `edgeemg data import csv`"
        )
    microvolts = to_microvolts(counts.astype(np.int32), MICROVOLTS_PER_COUNT)
    if not len(microvolts):
        raise RecordingError(f"{path} holds no samples below its header")
    return Recording(
        samples=Samples.contiguous(microvolts, _SAMPLE_RATE_HZ),
        events=tuple(_blocks(table.texts["WORD"])),
        channels=_CHANNELS,
        subject=subject,
        session="1",
        task=_STYLES[style],
        run=str(_run(path)),
        mains_hz=60.0,  # recorded in Brazil
        generated=False,
        about=dict(_ABOUT),
    )


def _blocks(words: Sequence[str]) -> list[Event]:
    events, start = [], 0
    for word, block in groupby(words):
        length = sum(1 for _ in block)
        events.append(Event(start, length, REST if word == _SILENCE else word))
        start += length
    return events


def _run(path: Path) -> int:
    """The place of the word among the words of its folder, from 1: the same for any part."""
    words = {one.name.split(".")[0] for one in path.resolve().parent.iterdir()}
    return sorted(words).index(path.name.split(".")[0]) + 1
