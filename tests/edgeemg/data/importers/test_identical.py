"""Two recordings with the same samples are imported, and both say so."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from edgeemg.data import bids
from edgeemg.data.importers import import_recordings
from edgeemg.data.importers.identical import warn_of_identical
from edgeemg.data.importers.imported import Imported
from edgeemg.dsp.samples import Recording

Build = Callable[..., Recording]


def test_identical_samples_are_named_in_both_and_in_the_report(cyton_recording: Build) -> None:
    one = cyton_recording(about={"Warnings": ["careful"]})
    microvolts = one.samples.microvolts.copy()
    microvolts[7, 1] += 1
    other = cyton_recording(
        subject="03", samples=replace(one.samples, microvolts=microvolts), about={}
    )
    twin = cyton_recording(subject="02", events=(), about={})
    told = warn_of_identical(Imported((one, other, twin), notes=("channels: 2",)))
    sentence = (
        "sub-01_ses-A_task-silent and sub-02_ses-A_task-silent hold identical samples: at most one "
        "is what its name says, and a model trained on one must not be tested on another."
    )
    assert [read.warnings for read in told.recordings] == [("careful", sentence), (), (sentence,)]
    assert told.notes == ("channels: 2", f"warning: {sentence}")
    assert one.warnings == ("careful",)  # the recording that came in is as it was


def test_the_same_numbers_in_another_shape_are_not_identical(cyton_recording: Build) -> None:
    one = cyton_recording()
    flat = one.samples.microvolts[:300].reshape(150, 4)
    halves = [one.samples[:300], replace(one.samples[:150], microvolts=flat, valid=flat < np.inf)]
    recordings = tuple(cyton_recording(samples=samples) for samples in halves)
    assert warn_of_identical(Imported(recordings)).notes == ()


def test_two_people_with_one_recording_are_found_in_the_published_set(
    shared_data: Path, tmp_path: Path
) -> None:
    for person in ("P003", "P004"):
        folder = tmp_path / "set" / person / "A"
        folder.mkdir(parents=True)
        for word in ("Sim", "Talvez"):
            source = shared_data / "subvocal-emg" / person / "A" / f"{word}.csv.gz"
            (folder / source.name).write_bytes(source.read_bytes())
    imported = import_recordings("subvocal-emg", tmp_path / "set", tmp_path / "rec")
    read = {one.name: one.warnings for one in bids.read_recordings(tmp_path / "rec")}
    (warning,) = (note.removeprefix("warning: ") for note in imported.notes)
    assert warning.startswith("sub-P003_ses-1_task-lips_run-2 and sub-P004_ses-1_task-lips_run-2 ")
    assert {name for name, warnings in read.items() if warning in warnings} == {
        "sub-P003_ses-1_task-lips_run-2",
        "sub-P004_ses-1_task-lips_run-2",
    }
