"""A `Recording` in, an EMG-BIDS folder out, and back bit for bit (BIDS 1.11, EMG).

    <root>/dataset_description.json  participants.tsv  README  events.json
    <root>/sub-<subject>/ses-<session>/emg/
        <name>_emg.bdf       24-bit samples one after another, labels as annotations
        <name>_emg.json      rate, mains, licence, warnings, what was left out
        <name>_channels.tsv  one row a channel
        <name>_events.tsv    labels, breaks in time, bad stretches

A recording exists once its BDF does: that file is put in place last.
"""

import re
import shutil
import tempfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeemg.data import bdf, event_rows, sidecars
from edgeemg.data.dataset_files import describe_dataset, keep_dataset, restore_dataset
from edgeemg.dsp.samples import Recording, Samples
from edgeemg.errors import OutputExistsError, RecordingError

_NAME = re.compile(
    r"sub-(?P<subject>[A-Za-z0-9]+)_ses-(?P<session>[A-Za-z0-9]+)_task-(?P<task>[A-Za-z0-9]+)"
    r"(?:_run-(?P<run>[0-9]+))?_emg\.bdf"
)
_SUFFIX = "_emg.bdf"


def write_recording(recording: Recording, root: Path) -> Path:
    """Write one recording below `root`, adding to what is there; returns the path of its BDF.

    Microvolts come back identical where `about["MicrovoltsPerCount"]` gives the sensor's count,
    else rounded to a power of two (`bdf.fitting_count`). Samples that are not valid keep their
    value; NaN is stored as the last value before it and comes back as NaN.

    OutputExistsError where the recording is there already; RecordingError where it cannot be one.
    """
    (target,) = write_recordings([recording], root)
    return target


def write_recordings(recordings: Iterable[Recording], root: Path) -> list[Path]:
    """Write all of them, or none: after a failure the data set is as it was before the call."""
    fresh = not root.exists()
    kept = keep_dataset(root)
    begun: list[Path] = []
    try:
        for recording in recordings:
            target = _free_path(recording, root)
            begun.append(target)
            _write(recording, target, root)
    except BaseException:
        for path in begun:
            _remove(path)
        if fresh:
            shutil.rmtree(root, ignore_errors=True)
        elif root.is_dir():
            restore_dataset(kept)
        raise
    return begun


def recording_path(recording: Recording, root: Path) -> Path:
    """Where the BDF of a recording lies below `root`."""
    folder = root / f"sub-{recording.subject}" / f"ses-{recording.session}" / "emg"
    path = folder / f"{recording.name}{_SUFFIX}"
    if not _NAME.fullmatch(path.name):
        raise RecordingError(
            f"{recording.name!r} cannot be a BIDS name: subject, session and task are letters and "
            "digits only, run is digits only"
        )
    return path


def read_recording(path: Path) -> Recording:
    """`*_emg.bdf` and the files beside it -> a Recording; RecordingError says what is wrong."""
    entities = _NAME.fullmatch(path.name)
    if not entities:
        raise RecordingError(f"{path} must be named sub-*_ses-*_task-*[_run-*]_emg.bdf")
    if not path.is_file():
        raise RecordingError(f"{path}: there is no such recording")
    stem = path.name.removesuffix(_SUFFIX)
    sidecar = sidecars.parse_sidecar(path.with_name(f"{stem}_emg.json"))
    channels = sidecars.parse_channels(path.with_name(f"{stem}_channels.tsv"))
    events_path = path.with_name(f"{stem}_events.tsv")
    rows = event_rows.parse_rows(sidecars.read_text(events_path), str(events_path))
    counts = _counts(path, sidecar, channels)
    return Recording(
        samples=_samples(counts, sidecar, channels, rows, str(events_path)),
        events=event_rows.restore_events(rows),
        channels=channels,
        subject=entities["subject"],
        session=entities["session"],
        task=entities["task"],
        run=entities["run"] or "",
        mains_hz=sidecar.mains_hz,
        generated=sidecar.generated,
        about={**sidecar.about, "MicrovoltsPerCount": sidecar.microvolts_per_count},
    )


def find_recordings(folder: Path) -> list[Path]:
    """Every `*_emg.bdf` below `folder` (or that one file), run-2 before run-10.

    RecordingError where there is none.
    """
    if folder.is_file() and _NAME.fullmatch(folder.name):
        return [folder]
    found = [
        path
        for path in folder.rglob(f"*{_SUFFIX}")
        if _NAME.fullmatch(path.name) and not path.parent.name.startswith(".")
    ]
    if not found:
        what = "holds no recordings" if folder.is_dir() else "is not a folder"
        raise RecordingError(
            f"{folder} {what}: make some with `edgeemg data import` or `edgeemg data synth`"
        )
    return sorted(found, key=_natural)


def read_recordings(
    folder: Path,
    *,
    subjects: Collection[str] = (),
    sessions: Collection[str] = (),
    tasks: Collection[str] = (),
) -> Iterator[Recording]:
    """Read every recording below `folder`, in order; an empty filter lets everything through."""
    wanted = {"subject": subjects, "session": sessions, "task": tasks}
    found = [(path, _NAME.fullmatch(path.name)) for path in find_recordings(folder)]
    chosen = [
        path
        for path, entities in found
        if entities and all(not want or entities[key] in want for key, want in wanted.items())
    ]
    if not chosen:
        asked = ", ".join(f"{key} {'|'.join(want)}" for key, want in wanted.items() if want)
        there = ", ".join(
            f"{key} {'|'.join(sorted({entities[key] for _, entities in found if entities}))}"
            for key in wanted
        )
        raise RecordingError(f"{folder} holds no recording of {asked}; it holds {there}")
    for path in chosen:
        yield read_recording(path)


def _free_path(recording: Recording, root: Path) -> Path:
    target = recording_path(recording, root)
    if target.exists():
        raise OutputExistsError(
            f"{target} exists already: write to another folder, or remove it first"
        )
    return target


def _write(recording: Recording, target: Path, root: Path) -> None:
    _check(recording)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".unfinished-", dir=target.parent) as folder:
        written = _write_files(recording, Path(folder))
        describe_dataset(recording, root)
        for path in written:
            path.replace(target.parent / path.name)


def _check(recording: Recording) -> None:
    samples = recording.samples
    if not len(samples) or not samples.n_channels:
        raise RecordingError(f"{recording.name} holds no samples: there is nothing to write")
    if len(recording.channels) != samples.n_channels or len(set(recording.channels)) != len(
        recording.channels
    ):
        raise RecordingError(
            f"{recording.name} must name each of its {samples.n_channels} channels once, "
            f"got {', '.join(recording.channels)}"
        )
    if samples.index[0] < 0:
        raise RecordingError(f"{recording.name}: the sensor's index must not be negative")


def _write_files(recording: Recording, folder: Path) -> list[Path]:
    """All files of the recording in `folder`, the BDF last."""
    samples = recording.samples
    held = _hold_last(samples.microvolts)
    own = recording.about.get("MicrovoltsPerCount")
    if own is not None and (type(own) not in (int, float) or not own > 0):
        raise RecordingError(f"{recording.name}: MicrovoltsPerCount must be above 0, got {own!r}")
    count = bdf.fitting_count(held) if own is None else float(own)
    rows = event_rows.event_rows(samples, recording.events, recording.channels)
    texts = {
        "_emg.json": sidecars.sidecar_json(recording, count),
        "_channels.tsv": sidecars.channels_tsv(recording),
        "_events.tsv": event_rows.format_rows(rows, samples.sample_rate_hz),
    }
    written = []
    for suffix, text in texts.items():
        written.append(folder / f"{recording.name}{suffix}")
        written[-1].write_text(text, encoding="utf-8")
    written.append(folder / f"{recording.name}{_SUFFIX}")
    bdf.write_bdf(
        written[-1],
        bdf.to_counts(held, count, exact=own is not None),
        microvolts_per_count=count,
        sample_rate_hz=samples.sample_rate_hz,
        channels=recording.channels,
        annotations=event_rows.annotations(rows, samples.sample_rate_hz),
    )
    return written


def _hold_last(microvolts: NDArray[np.float32]) -> NDArray[np.float32]:
    """(time, channel) with NaN replaced by the last finite value, or the first one, or 0."""
    finite = np.isfinite(microvolts)
    if finite.all():
        return microvolts
    times = np.arange(len(microvolts))[:, np.newaxis]
    last = np.maximum.accumulate(np.where(finite, times, -1), axis=0)
    first = np.argmax(finite, axis=0)  # 0 where the whole channel is unknown
    source = np.where(last < 0, first, last)
    held: NDArray[np.float32] = np.take_along_axis(microvolts, source, axis=0)
    return np.where(np.isfinite(held), held, np.float32(0))


def _counts(path: Path, sidecar: sidecars.Sidecar, channels: Sequence[str]) -> NDArray[np.int32]:
    counts = bdf.read_bdf(path)
    if counts.shape[1] != len(channels):
        raise RecordingError(
            f"{path} holds {counts.shape[1]} channels, its channels.tsv names {len(channels)}"
        )
    if not 0 < sidecar.sample_count <= len(counts):
        raise RecordingError(
            f"{path} holds {len(counts)} rows, its sidecar promises {sidecar.sample_count}: "
            "the file is truncated, copy or import it again"
        )
    return counts[: sidecar.sample_count]


def _samples(
    counts: NDArray[np.int32],
    sidecar: sidecars.Sidecar,
    channels: Sequence[str],
    rows: Sequence[event_rows.EventRow],
    where: str,
) -> Samples:
    event_rows.check_rows(rows, len(counts), where)
    microvolts = bdf.to_microvolts(counts, sidecar.microvolts_per_count)
    valid = np.ones(counts.shape, dtype=np.bool_)
    event_rows.mark_bad(rows, microvolts, valid, channels, where)
    index = event_rows.restore_index(rows, len(counts), sidecar.first_index, where)
    return Samples(microvolts, sidecar.sample_rate_hz, index, valid)


def _remove(path: Path) -> None:
    stem = path.name.removesuffix(_SUFFIX)
    for suffix in (_SUFFIX, "_emg.json", "_channels.tsv", "_events.tsv"):
        with suppress(OSError):  # one that will not go must not keep the others, or hide the cause
            path.with_name(f"{stem}{suffix}").unlink()
    with suppress(OSError):  # as far up as the folders are empty
        for folder in path.parents[:3]:
            folder.rmdir()


def _natural(path: Path) -> list[tuple[int, str]]:
    return [
        (int(part), "") if part.isdigit() else (-1, part)
        for part in re.split(r"(\d+)", path.as_posix())
    ]
