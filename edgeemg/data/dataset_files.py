"""A recording in, the files at the root of its EMG-BIDS data set out: what it is, and who is in it.

`dataset_description.json`, `participants.tsv`, `README`, and `events.json` with the meaning of
our columns. What is there already stays; a new person is added to the participants.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

from edgeemg import __version__
from edgeemg.data.sidecars import read_json, read_text, warnings_of
from edgeemg.dsp.samples import Recording
from edgeemg.errors import OutputExistsError

BIDS_VERSION = "1.11.0"
_ROOT_FILES = ("dataset_description.json", "README", "events.json", "participants.tsv")
_EVENT_COLUMNS = {
    "trial_type": {
        "LongName": "Label of a trial, or kind of stretch",
        "Description": "boundary: a break in time, sensor_index is the sensor's own index at this "
        "row. bad: a stretch of one channel that is recorded but not to be trusted. bad_missing: "
        "a stretch of one channel where nothing is known, the file holds the last value. "
        "Anything else: the label of a trial.",
    },
    "sample": {"Description": "Row of the file at which it begins, from 0."},
    "sensor_index": {"Description": "The sensor's own sample index at its beginning."},
    "length": {"Description": "Samples of the sensor's index that it covers."},
    "channel": {"Description": "Name of the channel of a bad stretch."},
}


def describe_dataset(recording: Recording, root: Path) -> None:
    """Write what the root lacks, and add the person of this recording.

    OutputExistsError where the root holds another data set: its licence would not be true any more.
    """
    root.mkdir(parents=True, exist_ok=True)
    check_same(recording, root)
    texts = {
        "dataset_description.json": _as_json(_description(recording)),
        "README": _readme(recording),
        "events.json": _as_json(_EVENT_COLUMNS),
    }
    for name, text in texts.items():
        if not (root / name).exists():
            _replace(root / name, text.encode())
    _add_participant(root / "participants.tsv", f"sub-{recording.subject}")


def check_same(recording: Recording, root: Path) -> None:
    """OutputExistsError where the root holds another data set than the recording would make."""
    path = root / "dataset_description.json"
    if not path.exists():
        return
    there, name = read_json(path).get("Name"), _name(recording)
    if there != name:
        raise OutputExistsError(
            f"{root} holds the data set {there!r}: write {name!r} to another folder"
        )


def keep_dataset(root: Path) -> dict[Path, bytes | None]:
    """What the files at the root hold now, for `restore_dataset`; None where there is no file."""
    paths = [root / name for name in _ROOT_FILES]
    return {path: path.read_bytes() if path.is_file() else None for path in paths}


def restore_dataset(kept: dict[Path, bytes | None]) -> None:
    """Undo what `describe_dataset` did since `keep_dataset`; untouched files are not written."""
    for path, content in kept.items():
        if content is None:
            path.unlink(missing_ok=True)
        elif path.read_bytes() != content:
            _replace(path, content)


def _name(recording: Recording) -> str:
    unnamed = "GENERATED surface EMG" if recording.generated else "surface EMG recordings"
    return str(recording.about.get("DatasetName", unnamed))


def _description(recording: Recording) -> dict[str, Any]:
    about = recording.about
    description: dict[str, Any] = {
        "Name": _name(recording),
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "raw",
        "License": about.get("License", "n/a"),
        "GeneratedBy": [{"Name": "edgeemg", "Version": __version__}],
    }
    if "Authors" in about:
        description["Authors"] = about["Authors"]
    if "EthicsApprovals" in about:
        description["EthicsApprovals"] = about["EthicsApprovals"]
    if "Source" in about:
        description["SourceDatasets"] = [{"URL": about["Source"]}]
    return description


def _readme(recording: Recording) -> str:
    about = recording.about
    lines = [f"# {_name(recording)}", ""]
    lines += ["Written by edgeemg as EMG-BIDS; the exact size of a count is MicrovoltsPerCount in"]
    lines += ["each sidecar, breaks in time and bad stretches are rows of each events.tsv.", ""]
    lines += [f"{key}: {about[key]}" for key in ("License", "Source") if key in about]
    for warning in warnings_of(about, generated=recording.generated):
        lines += ["", f"**Warning:** {warning}"]
    return "\n".join(lines) + "\n"


def _add_participant(path: Path, participant: str) -> None:
    lines = read_text(path).splitlines() if path.exists() else ["participant_id"]
    if participant in (line.split("\t")[0] for line in lines):
        return
    blanks = ["n/a"] * lines[0].count("\t")
    text = "\n".join([*lines, "\t".join([participant, *blanks])]) + "\n"
    _replace(path, text.encode())


def _as_json(plain: dict[str, Any]) -> str:
    return json.dumps(plain, indent=2, ensure_ascii=False) + "\n"


def _replace(path: Path, content: bytes) -> None:
    """Write a whole file or nothing."""
    with tempfile.TemporaryDirectory(prefix=".unfinished-", dir=path.parent) as folder:
        draft = Path(folder) / path.name
        draft.write_bytes(content)
        draft.replace(path)
