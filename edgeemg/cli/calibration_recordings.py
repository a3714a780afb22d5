"""A sensor, or recordings on disk, in; labelled windows of a model's channels and labels out."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeemg.dsp.channels import sensor_inputs
from edgeemg.dsp.samples import Recording
from edgeemg.errors import RecordingError
from edgeemg.manifest import Manifest
from edgeemg.runtime.calibration import Material

if TYPE_CHECKING:
    from firmware_bridge.frames import Stream

_TASK = "calibration"
_REPETITIONS = 5


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """Windows to fit on, and what has to be said of where they come from."""

    material: Material
    trials: dict[str, int]
    notes: tuple[str, ...]


def recorded(
    manifest: Manifest, bundle: Path, port: str, options: dict[str, Any]
) -> tuple[list[Recording], str]:
    """Ask for the model's words at a sensor; the recording, and where it is kept.

    Raises what `edgeemg record` raises; what was recorded until then is kept.
    """
    from edgeemg.cli.record import any_seed
    from edgeemg.cli.recording import Request, record
    from edgeemg.cli.recording_files import free_run, journal_path
    from edgeemg.cli.sensor_options import device_of
    from edgeemg.data.journal import read_journal
    from edgeemg.data.journal_recording import recording_of
    from edgeemg.data.trial_plan import TrialPlan

    out = options["recordings"] or bundle.with_name(f"{bundle.resolve().name}-recordings")
    names = {"subject": "01", "session": "1", "task": _TASK}
    run = free_run(out, **names, run="", generated=options["generated"])
    words = tuple(one for one in manifest.labels if one != manifest.rest_label)
    plan = TrialPlan(
        words=words,
        repetitions=options["repetitions"] or _REPETITIONS,
        seed=any_seed(),
        **{name: options[name] for name in ("ready_s", "trial_s", "rest_s")},
    )
    record(
        Request(
            port=port,
            device=device_of(options),
            out=out,
            plan=plan,
            **names,
            run=run,
            channels=(),
            mains_hz=float(options["mains_hz"] or 50),
            generated=options["generated"],
            at_once=options["at_once"],
            keep_journal=True,
            about={},
            choose=lambda stream: _inputs(manifest, options["channels"], stream),
            to_train=False,
        )
    )
    name = f"sub-01_ses-1_task-{_TASK}_run-{run}"
    recording = recording_of(read_journal(journal_path(out, name)))
    # the inputs were chosen in the order in which the model reads them
    channels = tuple(one.name for one in manifest.channels)
    return [replace(recording, channels=channels)], f"{out.name}, {name}"


def _inputs(manifest: Manifest, asked: str | None, stream: "Stream") -> tuple[int, ...]:
    """The sensor's inputs, from 0, that the model reads; EngineError where they do not fit."""
    from edgeemg.cli.opening import model_inputs
    from edgeemg.runtime.loop import check_fits

    inputs = model_inputs(manifest, asked, n_inputs=stream.n_channels)
    check_fits(manifest, len(inputs), stream.sample_rate_hz)
    return inputs


def read(source: Path, which: Mapping[str, Sequence[str]]) -> tuple[list[Recording], str]:
    """EMG-BIDS below a folder, or a journal; and what to call them."""
    from edgeemg.cli.training import data_name, load_recordings
    from edgeemg.data.journal import SUFFIX, read_journal
    from edgeemg.data.journal_recording import recording_of

    if source.suffix == SUFFIX and source.is_file():
        return [recording_of(read_journal(source))], source.name
    recordings = load_recordings(source, which["subject"], which["session"], which["task"])
    return recordings, data_name(source, which)


def cut(recordings: Sequence[Recording], manifest: Manifest, *, repetitions: int | None) -> Cut:
    """The windows of the model's labels, cut as training cuts them.

    repetitions  only the first ones of each label; None: all
    RecordingError for another rate, a channel that is not there, or no window at all.
    """
    from edgeemg.train.trials import cut_windows

    fitting = [_fitting(one, manifest) for one in recordings]
    unknown = Counter(
        event.label for one in fitting for event in one.events if event.label not in manifest.labels
    )
    known = [
        replace(one, events=tuple(e for e in one.events if e.label in manifest.labels))
        for one in fitting
    ]
    windows = cut_windows(
        known, manifest.bands, window=manifest.window_samples, hop=manifest.hop_samples
    )
    classes = np.array([manifest.labels.index(one.label) for one in windows.trials], dtype=np.int64)
    kept = _first(classes, repetitions)
    rows = np.isin(windows.trial, kept)
    material = Material(
        windows.values[rows], np.searchsorted(kept, windows.trial[rows]), classes[kept]
    )
    counts = np.bincount(classes[kept], minlength=len(manifest.labels)).tolist()
    trials = dict(zip(manifest.labels, counts, strict=True))
    return Cut(material, trials, tuple(_notes(unknown, windows.without_window)))


def _fitting(recording: Recording, manifest: Manifest) -> Recording:
    """With the model's channels, in its order, and rest under the model's own name for it."""
    rate = recording.samples.sample_rate_hz
    if rate != manifest.sample_rate_hz:
        raise RecordingError(
            f"{recording.name} has {rate:g} samples a second, the model takes "
            f"{manifest.sample_rate_hz:g}: record with the sensor that it was trained on"
        )
    names = [one.name for one in manifest.channels]
    columns = _columns(recording, names)
    events = tuple(_renamed(event, manifest, recording) for event in recording.events)
    samples = recording.samples.columns(columns)
    return replace(recording, samples=samples, channels=tuple(names), events=events)


def _columns(recording: Recording, names: Sequence[str]) -> list[int]:
    if all(one in recording.channels for one in names):
        return [recording.channels.index(one) for one in names]
    recorder = "Recorder" in recording.about
    if recorder and len(recording.channels) == len(names):
        return list(range(len(names)))  # a journal of `calibrate`: chosen in the model's order
    if recorder and len(recording.channels) > len(names):
        return list(sensor_inputs(names, n_inputs=len(recording.channels)))  # as `run` chooses
    raise RecordingError(
        f"{recording.name} has no channel "
        f"{', '.join(one for one in names if one not in recording.channels)} that the model reads; "
        f"it has {', '.join(recording.channels)}"
    )


def _renamed(event: Any, manifest: Manifest, recording: Recording) -> Any:
    """The recorder's rest is the model's, whatever that is called."""
    from edgeemg.data.event_rows import REST

    own = manifest.rest_label
    if event.label != REST or own is None or REST in manifest.labels:
        return event
    if any(one.label == own for one in recording.events):
        return event
    return replace(event, label=own)


def _first(classes: np.ndarray[Any, np.dtype[np.int64]], repetitions: int | None) -> Any:
    """Positions, rising, of the first trials of each class."""
    if repetitions is None:
        return np.arange(len(classes))
    each = [np.flatnonzero(classes == one)[:repetitions] for one in np.unique(classes)]
    return np.sort(np.concatenate(each))


def _notes(unknown: Counter[str], without_window: Counter[str]) -> list[str]:
    notes = []
    if unknown:
        named = ", ".join(f"{label} ({n})" for label, n in unknown.most_common())
        notes.append(f"labels that the model does not know are left out: {named}")
    if missed := sum(without_window.values()):
        notes.append(
            f"{missed} trials gave no whole window (breaks in time, missing samples, channels that "
            "are off, too short) and are left out"
        )
    return notes
