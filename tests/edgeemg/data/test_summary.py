"""What a folder of recordings holds, added up."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeemg.data import bids
from edgeemg.data.summary import summarise
from edgeemg.dsp.samples import Recording
from edgeemg.errors import RecordingError

Build = Callable[..., Recording]


def test_a_folder_is_added_up(cyton_recording: Build, tmp_path: Path) -> None:
    about = {
        "License": "CC0-1.0",
        "DroppedChannels": {"nose": "flat"},
        "SkippedTrials": [{"name": "x", "reason": "short"}],
        "Warnings": ["careful"],
    }
    for run in ("1", "2"):
        bids.write_recording(cyton_recording(run=run, about=about), tmp_path)
    other = cyton_recording(session="B", mains_hz=None, about={**about, "License": "MIT"})
    valid = np.ones_like(other.samples.valid)
    valid[:, 1] = False
    half = replace(other, samples=replace(other.samples, valid=valid))
    bids.write_recording(half, tmp_path)

    summary = summarise(tmp_path)
    first, second = summary.groups
    assert (first.subject, first.session, first.task, first.recordings) == ("01", "A", "silent", 2)
    assert first.minutes == pytest.approx(2 * 611 / 250 / 60)
    assert first.breaks == 2
    assert (first.invalid, second.invalid) == (0, 0.5)
    assert first.trials == {"não": 2, "rest": 2}
    assert summary.trials == {"não": 3, "rest": 3}
    assert (first.mains_hz, second.mains_hz) == ([50], [None])
    assert first.channels == ["chin", "throat"]
    assert summary.licences == ["CC0-1.0", "MIT"]
    assert summary.dropped_channels == {"nose": "flat"}
    assert summary.skipped_trials == [{"name": "x", "reason": "short"}]
    assert summary.warnings == ["careful"]
    assert not summary.generated
    assert summary.as_json()["groups"][0]["trials"] == {"não": 2, "rest": 2}


def test_generated_emg_is_called_generated(cyton_recording: Build, tmp_path: Path) -> None:
    bids.write_recording(cyton_recording(generated=True), tmp_path)
    assert summarise(tmp_path).generated
    assert summarise(tmp_path).groups[0].generated


def test_a_recording_that_cannot_be_read_is_named(cyton_recording: Build, tmp_path: Path) -> None:
    path = bids.write_recording(cyton_recording(), tmp_path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(RecordingError, match=path.name):
        summarise(tmp_path)
