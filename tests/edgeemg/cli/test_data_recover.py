"""`edgeemg data recover`: what is not a journal is one clear line; a damaged one stays."""

import numpy as np
import pytest

from edgeemg.data.bids import find_recordings, read_recording
from edgeemg.data.journal import JournalHeader
from edgeemg.data.journal_writer import JournalWriter
from edgeemg.dsp.samples import Samples


@pytest.fixture
def journal(tmp_path):
    path = tmp_path / "sub-01_ses-1_task-speech_run-1.emgj"
    header = JournalHeader(250.0, ("EMG1",), 0.5, "01", "1", "speech", "1", 50.0, True, {})
    clock = iter(range(1000))
    with JournalWriter(path, header, clock=lambda: next(clock)) as writer:
        for n in range(20):
            values = np.arange(25, dtype=np.float32)[:, np.newaxis]
            writer.add(Samples.contiguous(values, 250.0, first_index=25 * n))
        writer.close(500)
    return path


def test_it_becomes_a_recording_and_goes(edgeemg, journal, tmp_path):
    done = edgeemg("data", "recover", journal, "--out", tmp_path / "rec")
    assert done.returncode == 0, done.stderr
    (path,) = find_recordings(tmp_path / "rec")
    assert len(read_recording(path).samples) == 500
    assert not journal.exists()


def test_a_damaged_one_stays_and_what_is_lost_is_said(edgeemg, journal, tmp_path):
    content = bytearray(journal.read_bytes())
    content[len(content) // 2] ^= 1
    journal.write_bytes(content)
    done = edgeemg("data", "recover", journal, "--out", tmp_path / "rec")
    assert done.returncode == 0, done.stderr
    assert "damaged: " in done.stderr
    assert "25 samples lost" in done.stderr
    assert journal.exists()


@pytest.mark.parametrize("content", [None, b"", b"RIFF" * 100])
def test_what_is_no_journal_is_one_clear_line(edgeemg, tmp_path, content):
    path = tmp_path / "x.emgj"
    if content is not None:
        path.write_bytes(content)
    done = edgeemg("data", "recover", path, "--out", tmp_path / "rec")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert str(path) in line
    assert not (tmp_path / "rec").exists()


def test_a_recording_that_is_there_is_not_written_over(edgeemg, journal, tmp_path):
    first = edgeemg("data", "recover", journal, "--out", tmp_path / "rec", "--keep")
    assert first.returncode == 0, first.stderr
    done = edgeemg("data", "recover", journal, "--out", tmp_path / "rec")
    assert done.returncode == 2
    assert "exists already" in done.stderr
    assert journal.exists()
