"""Where a recording goes, whether it fits, and how its journal becomes EMG-BIDS: what it says."""

import os
import shutil
from collections import Counter
from contextlib import suppress
from pathlib import Path

import click
import numpy as np

from edgeemg.data import journal_blocks
from edgeemg.data.bids import recording_path
from edgeemg.data.dataset_files import check_same
from edgeemg.data.journal import SUFFIX, is_being_written
from edgeemg.data.journal_recording import Recovered, write_journal_as_bids
from edgeemg.data.journal_writer import WRITE_S
from edgeemg.dsp.samples import Recording, Samples
from edgeemg.errors import OutputExistsError, RecordingError

_BDF_SHARE = 0.75  # of the journal's size: 3 bytes a value instead of 4
_SPARE_BYTES = 1 << 20
_MOST_RUNS = 10_000
_MOST_NAMES = 8  # of trials that are left out


def free_run(
    root: Path, *, subject: str, session: str, task: str, run: str, generated: bool
) -> str:
    """The run to record: the one that is asked for, or else the first number that is free.

    RecordingError for entities that BIDS does not allow; OutputExistsError where the run is there,
    or the folder holds another data set.
    """
    nothing = Samples.contiguous(np.empty((0, 1)), 1.0)
    for candidate in [run] if run else map(str, range(1, _MOST_RUNS)):
        probe = Recording(
            nothing, (), ("EMG1",), subject, session, task, candidate, None, generated, {}
        )
        check_same(probe, root)
        bdf, journal = recording_path(probe, root), journal_path(root, probe.name)
        if not bdf.exists() and not journal.exists():
            return candidate
        if run:
            there = bdf if bdf.exists() else journal
            raise OutputExistsError(f"{there} is there already: leave --run out, or name another")
    raise OutputExistsError(f"{root} holds {_MOST_RUNS} runs: record into another folder")


def journal_path(root: Path, name: str) -> Path:
    """The file that is written while a recording of this name runs."""
    return root / f"{name}{SUFFIX}"


def left_behind(root: Path) -> list[Path]:
    """Journals that nobody is writing and that have not become a recording here."""
    return [
        path
        for path in sorted(root.glob(f"*{SUFFIX}"))
        if path.is_file()
        and not is_being_written(path)
        and not any(root.rglob(f"{path.stem}_emg.bdf"))
    ]


def bytes_a_second(sample_rate_hz: float, n_channels: int) -> float:
    """How fast a journal grows."""
    return journal_blocks.samples_bytes(round(sample_rate_hz * WRITE_S), n_channels) / WRITE_S


def free_bytes(root: Path) -> int:
    """Free space where `root` is, or will be."""
    while not root.exists():
        root = root.absolute().parent
    return shutil.disk_usage(root).free


def check_writable(root: Path) -> None:
    """RecordingError where no file can be made below `root`."""
    there = root.absolute()
    while not there.exists():
        there = there.parent
    if not there.is_dir():
        raise RecordingError(f"--out {root}: {there} is a file; name a folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise RecordingError(f"--out {root}: {there} cannot be written; name another folder")


def check_space(root: Path, needed_bytes: float) -> str:
    """What to say about the free space, empty where there is plenty.

    RecordingError where a recording of so many bytes cannot fit.
    """
    free = free_bytes(root)
    if free < needed_bytes + _SPARE_BYTES:
        raise RecordingError(
            f"{root} has {_megabytes(free)} left, the recording takes about "
            f"{_megabytes(needed_bytes)}, and {_megabytes(_SPARE_BYTES)} should stay free: "
            "make room, or ask for fewer repetitions"
        )
    if free < (1 + _BDF_SHARE) * needed_bytes + _SPARE_BYTES:
        return (
            f"{root} has {_megabytes(free)} left: enough to record, and not enough to turn it into "
            "EMG-BIDS here afterwards"
        )
    return ""


def keep(journal: Path, root: Path, *, keep_journal: bool) -> Recovered:
    """Turn a journal into EMG-BIDS and say what is in it.

    The journal is removed once the recording was read back, where nothing in it was damaged.
    """
    recovered = write_journal_as_bids(journal, root)
    _tell(recovered)
    if recovered.damage or keep_journal:
        say(f"the journal stays: {journal}")
    else:
        journal.unlink()
    return recovered


def say(text: str) -> None:
    """One line on stderr; where nobody is there any more to read it, the work goes on."""
    with suppress(OSError):
        click.echo(text, err=True)


def _tell(recovered: Recovered) -> None:
    recording = recovered.recording
    samples = recording.samples
    minutes = len(samples) / samples.sample_rate_hz / 60
    lost = int(samples.index[-1] - samples.index[0]) + 1 - len(samples)
    labels = Counter(event.label for event in recording.events)
    trials = ", ".join(f"{label} {n}" for label, n in sorted(labels.items())) or "none"
    lines = [f"damaged: {one}" for one in recovered.damage]
    if not recovered.ended:
        lines.append("it did not come to its own end: up to a second behind it may be missing")
    skipped = recording.about.get("SkippedTrials", [])
    lines += [f"left out: {one['name']}: {one['reason']}" for one in skipped[:_MOST_NAMES]]
    if len(skipped) > _MOST_NAMES:
        lines.append(f"... {len(skipped)} left out in all; the sidecar lists them")
    lines += [f"warning: {one}" for one in recording.warnings]
    lines += [
        f"trials: {trials}",
        f"{minutes:.1f} minutes, {samples.n_channels} channels, {lost} samples lost: "
        f"{recovered.path}",
    ]
    for line in lines:
        say(line)


def _megabytes(n: float) -> str:
    return f"{n / 1e6:.1f} MB" if n < 1e9 else f"{n / 1e9:.1f} GB"
