"""The root of a data set says what it is, and keeps what it says."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeemg.data.dataset_files import describe_dataset
from edgeemg.dsp.samples import Recording
from edgeemg.errors import OutputExistsError, RecordingError

Build = Callable[..., Recording]


def test_the_description_carries_name_licence_and_source(
    cyton_recording: Build, tmp_path: Path
) -> None:
    about = {
        "DatasetName": "words",
        "License": "CC-BY-4.0",
        "Authors": ["A"],
        "EthicsApprovals": ["E"],
        "Source": "https://example.org",
        "Warnings": ["read this"],
    }
    describe_dataset(cyton_recording(about=about), tmp_path)
    description = json.loads((tmp_path / "dataset_description.json").read_text())
    assert description.pop("GeneratedBy")[0]["Name"] == "edgeemg"
    assert description == {
        "Name": "words",
        "BIDSVersion": "1.11.0",
        "DatasetType": "raw",
        "License": "CC-BY-4.0",
        "Authors": ["A"],
        "EthicsApprovals": ["E"],
        "SourceDatasets": [{"URL": "https://example.org"}],
    }
    assert "**Warning:** read this" in (tmp_path / "README").read_text()


def test_what_is_there_stays_and_people_are_added(cyton_recording: Build, tmp_path: Path) -> None:
    (tmp_path / "README").write_text("mine")
    (tmp_path / "participants.tsv").write_text("participant_id\tage\nsub-01\t30\n")
    for subject in ("01", "02", "02"):
        describe_dataset(cyton_recording(subject=subject), tmp_path)
    assert (tmp_path / "README").read_text() == "mine"
    people = (tmp_path / "participants.tsv").read_text()
    assert people == "participant_id\tage\nsub-01\t30\nsub-02\tn/a\n"


def test_another_data_set_is_refused(cyton_recording: Build, tmp_path: Path) -> None:
    describe_dataset(cyton_recording(about={"DatasetName": "words"}), tmp_path)
    with pytest.raises(OutputExistsError, match="holds the data set 'words'"):
        describe_dataset(cyton_recording(about={"DatasetName": "other"}), tmp_path)
    (tmp_path / "dataset_description.json").write_text("[")
    with pytest.raises(RecordingError, match="not JSON"):
        describe_dataset(cyton_recording(), tmp_path)
