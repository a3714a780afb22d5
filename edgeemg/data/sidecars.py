"""What a recording says about itself in, `_emg.json` and `_channels.tsv` out, and back.

Keys that BIDS 1.11 (EMG) knows keep its names; the rest are ours:

    MicrovoltsPerCount  exact size of one count in the BDF; in `Recording.about` where the sensor's
                        own is known, and then nothing is rounded
    SampleCount         rows of the recording; the BDF may have more, which fill its last record
    FirstSampleIndex    the sensor's own index of the first row
    Generated           true for synthetic EMG
    DatasetName, License, Source, Authors      where it comes from
    Warnings            sentences that belong beside every result; GENERATED_WARNING is one of them
                        wherever Generated is true
    DroppedChannels     {name: reason} of channels that an importer left out
    InvalidChannels     {name: reason} of channels that are marked invalid in this recording
    KeptBadChannels     {name: reason} of channels that are bad and were kept on request
    SkippedTrials       [{"name": ..., "reason": ...}] of trials that an importer left out
"""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeemg.dsp.samples import Recording
from edgeemg.errors import RecordingError

GENERATED_WARNING = "Generated EMG: no person was recorded, and no accuracy on it is a person's."
_CHANNEL_COLUMNS = ("name", "type", "units", "sampling_frequency", "status", "status_description")
_UNKNOWN = "n/a"
_LARGEST_NUMBER = 1e12  # no rate and no size of a count comes near
# BIDS demands these; what nobody said is said to be unknown
_DEFAULTS = {
    "EMGPlacementScheme": "Other",
    "EMGPlacementSchemeDescription": "not described",
    "EMGReference": _UNKNOWN,
    "SoftwareFilters": _UNKNOWN,
}
_OURS = frozenset(
    {
        "TaskName",
        "SamplingFrequency",
        "PowerLineFrequency",
        "RecordingType",
        "RecordingDuration",
        "EMGChannelCount",
        "SampleCount",
        "FirstSampleIndex",
        "Generated",
    }
)


@dataclass(frozen=True, slots=True)
class Sidecar:
    """What `_emg.json` says that is needed to read the BDF beside it; `about` is the rest."""

    sample_rate_hz: float
    mains_hz: float | None
    sample_count: int
    first_index: int
    microvolts_per_count: float
    generated: bool
    about: dict[str, Any]


def sidecar_json(recording: Recording, microvolts_per_count: float) -> str:
    """A recording -> the text of its `_emg.json`."""
    samples = recording.samples
    breaks = sum(1 for _ in samples.runs()) - 1
    plain = {
        "TaskName": recording.task,
        "SamplingFrequency": samples.sample_rate_hz,
        "PowerLineFrequency": _UNKNOWN if recording.mains_hz is None else recording.mains_hz,
        "RecordingType": "discontinuous" if breaks else "continuous",
        "RecordingDuration": len(samples) / samples.sample_rate_hz,
        "EMGChannelCount": samples.n_channels,
        "SampleCount": len(samples),
        "FirstSampleIndex": int(samples.index[0]),
        "Generated": recording.generated,
        **_DEFAULTS,
        **_without_ours(recording.about, recording.generated),
        "MicrovoltsPerCount": microvolts_per_count,
    }
    try:
        return json.dumps(plain, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    except (TypeError, ValueError) as error:
        raise RecordingError(f"{recording.name}: `about` is not plain JSON ({error})") from error


def parse_sidecar(path: Path) -> Sidecar:
    """`_emg.json` -> Sidecar; RecordingError that names the file and the key."""
    plain = read_json(path)
    mains = plain.get("PowerLineFrequency", _UNKNOWN)
    generated = plain.get("Generated") is True
    if type(plain.get("Warnings", [])) is not list:
        raise RecordingError(f"{path}: Warnings must be a list, got {plain['Warnings']!r}")
    return Sidecar(
        sample_rate_hz=_above_zero(plain, "SamplingFrequency", path),
        mains_hz=None if mains == _UNKNOWN else _above_zero(plain, "PowerLineFrequency", path),
        sample_count=_whole(plain, "SampleCount", path),
        first_index=_whole(plain, "FirstSampleIndex", path),
        microvolts_per_count=_above_zero(plain, "MicrovoltsPerCount", path),
        generated=generated,
        about=_without_ours(plain, generated),
    )


def channels_tsv(recording: Recording) -> str:
    """A recording -> the text of its `_channels.tsv`, one row a channel in the file's order."""
    faults: dict[str, str] = {
        **recording.about.get("KeptBadChannels", {}),
        **recording.about.get("InvalidChannels", {}),
    }
    lines = ["\t".join(_CHANNEL_COLUMNS)]
    for name in recording.channels:
        if not name.isprintable() or name != name.strip() or not name:
            raise RecordingError(f"{name!r} cannot be a channel name: blanks around it or tabs")
        rate = f"{recording.samples.sample_rate_hz!r}"
        status = "bad" if name in faults else "good"
        lines.append("\t".join((name, "EMG", "uV", rate, status, faults.get(name, _UNKNOWN))))
    return "\n".join(lines) + "\n"


def parse_channels(path: Path) -> tuple[str, ...]:
    """`_channels.tsv` -> channel names in the file's order."""
    names = tuple(row["name"] for row in tsv_rows(read_text(path), str(path), ("name",)))
    if not names or not all(names) or len(set(names)) != len(names):
        raise RecordingError(f"{path} must name each channel once, in a column 'name'")
    return names


def tsv_rows(text: str, where: str, columns: Sequence[str]) -> list[dict[str, str]]:
    """A table with tabs and a header -> one dict a row; RecordingError without all `columns`."""
    reader = csv.DictReader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE)
    try:
        missing = [name for name in columns if name not in (reader.fieldnames or ())]
        if missing:
            raise RecordingError(f"{where} lacks the columns {', '.join(missing)}")
        rows = []
        for row in reader:
            if None in row or None in row.values():
                raise RecordingError(f"{where}, line {reader.line_num}: too few or too many cells")
            rows.append(row)
    except csv.Error as error:
        raise RecordingError(f"{where} is not a table ({error})") from error
    return rows


def read_text(path: Path) -> str:
    """The text of a file of a recording; RecordingError where it is missing or not UTF-8."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise RecordingError(
            f"{path} is missing: a recording needs its .bdf, _emg.json, _channels.tsv and "
            "_events.tsv; copy or import it again"
        ) from error
    except UnicodeDecodeError as error:
        raise RecordingError(f"{path} is not UTF-8 text ({error.reason})") from error


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object; RecordingError where the file is missing or holds anything else."""
    try:
        plain = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise RecordingError(f"{path} is not JSON ({error})") from error
    if not isinstance(plain, dict):
        raise RecordingError(f"{path} must hold a JSON object, got {type(plain).__name__}")
    return plain


def warnings_of(about: dict[str, Any], *, generated: bool) -> list[str]:
    """What has to be said beside every result; of generated EMG, that it is generated."""
    warnings = [str(one) for one in about.get("Warnings", ())]
    return (
        [GENERATED_WARNING, *warnings]
        if generated and GENERATED_WARNING not in warnings
        else warnings
    )


def _without_ours(about: dict[str, Any], generated: bool) -> dict[str, Any]:
    warnings = warnings_of(about, generated=generated)
    kept = {key: value for key, value in about.items() if key not in _OURS}
    return {**kept, "Warnings": warnings} if warnings else kept


def _above_zero(plain: dict[str, Any], key: str, path: Path) -> float:
    value: Any = plain.get(key)
    if type(value) in (int, float) and 0 < value < _LARGEST_NUMBER:
        return float(value)
    raise RecordingError(f"{path}: {key} must be a number above 0, got {value!r}")


def _whole(plain: dict[str, Any], key: str, path: Path) -> int:
    value = plain.get(key)
    if type(value) is not int or not 0 <= value < 2**62:
        raise RecordingError(f"{path}: {key} must be a whole number from 0 on, got {value!r}")
    return value
