"""Where a recording goes, and whether it fits."""

import numpy as np
import pytest

from edgeemg.cli.recording_files import (
    bytes_a_second,
    check_space,
    check_writable,
    free_bytes,
    free_run,
    left_behind,
)
from edgeemg.data.journal import JournalHeader
from edgeemg.data.journal_writer import JournalWriter
from edgeemg.dsp.samples import Samples
from edgeemg.errors import OutputExistsError, RecordingError

WHO = {"subject": "01", "session": "1", "task": "speech", "generated": False}
NAME = "sub-01_ses-1_task-speech_run-"


def touched(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_the_first_run_that_neither_a_recording_nor_a_journal_has(tmp_path):
    assert free_run(tmp_path / "new", **WHO, run="") == "1"
    touched(tmp_path / "sub-01" / "ses-1" / "emg" / f"{NAME}1_emg.bdf")
    touched(tmp_path / f"{NAME}2.emgj")
    assert free_run(tmp_path, **WHO, run="") == "3"
    assert free_run(tmp_path, **WHO, run="7") == "7"
    with pytest.raises(OutputExistsError, match=r"run-2\.emgj is there"):
        free_run(tmp_path, **WHO, run="2")


@pytest.mark.parametrize("wrong", [{"run": "x"}, {"run": "", "subject": "a_b"}])
def test_what_bids_does_not_allow_is_refused(tmp_path, wrong):
    with pytest.raises(RecordingError, match="letters and digits"):
        free_run(tmp_path, **{**WHO, **wrong})


def test_a_disk_that_is_too_small_is_refused_and_a_tight_one_is_said(tmp_path):
    folder = tmp_path / "not" / "there"
    free = free_bytes(folder)
    assert check_space(folder, free / 100) == ""
    assert "not enough to turn it into EMG-BIDS" in check_space(folder, free * 0.8)
    with pytest.raises(RecordingError, match="make room"):
        check_space(folder, free * 1.1)


def test_a_journal_grows_as_fast_as_is_said(tmp_path):
    header = JournalHeader(250.0, ("a", "b"), 1.0, "01", "1", "s", "1", None, True, {})
    now_s = [0.0]
    with JournalWriter(tmp_path / "x.emgj", header, clock=lambda: now_s[0]) as writer:
        writer.add(Samples.contiguous(np.zeros((5, 2), np.float32), 250.0))
        writer.note(0, {})
        before = writer.path.stat().st_size
        for n in range(250):
            now_s[0] += 0.02
            values = np.zeros((5, 2), np.float32)
            writer.add(Samples.contiguous(values, 250.0, first_index=5 * n + 5))
        grown = writer.path.stat().st_size - before
    assert grown == pytest.approx(5 * bytes_a_second(250.0, 2), rel=0.1)


def test_left_behind_are_those_that_are_neither_written_nor_recordings_yet(tmp_path):
    header = JournalHeader(250.0, ("a",), 1.0, "01", "1", "s", "1", None, True, {})
    with JournalWriter(tmp_path / "live.emgj", header) as writer:
        writer.add(Samples.contiguous(np.zeros((1, 1)), 250.0))
        writer.note(0, {})
        (tmp_path / "folder.emgj").mkdir()
        dead = touched(tmp_path / "dead.emgj")
        touched(tmp_path / "done.emgj")
        touched(tmp_path / "sub-01" / "done_emg.bdf")
        assert left_behind(tmp_path) == [dead]
    assert left_behind(tmp_path / "nowhere") == []


def test_a_folder_that_cannot_be_is_refused(tmp_path):
    check_writable(tmp_path / "new" / "deep")
    file = touched(tmp_path / "file")
    with pytest.raises(RecordingError, match="is a file"):
        check_writable(file / "rec")
