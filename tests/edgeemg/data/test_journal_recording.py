"""A journal becomes EMG-BIDS, with labels, breaks and the mask as they were recorded."""

import json

import numpy as np
import pytest

from edgeemg.data.bids import read_recording
from edgeemg.data.journal import JournalHeader, read_journal
from edgeemg.data.journal_recording import COUNTERS, TOLD, recording_of, write_journal_as_bids
from edgeemg.data.journal_writer import JournalWriter
from edgeemg.data.trial_marks import TAKEN_BACK, Mark
from edgeemg.dsp.samples import Event, Samples
from edgeemg.errors import OutputExistsError

COUNT_UV = 4.5 / 24 / (2**23 - 1) * 1e6


def recorded(path, *, close=True, whole=True, lose=2, about=None):
    """600 samples of two channels at 250 Hz behind index 1000, some lost, some not known."""
    rng = np.random.default_rng(3)
    counts = rng.integers(-(2**23) + 1, 2**23 - 1, (600, 2))
    microvolts = (counts * COUNT_UV).astype(np.float32)
    if not whole:
        microvolts *= np.float32(0.37)
    microvolts[225:235, 1] = np.nan  # in no trial
    index = np.arange(1000, 1600, dtype=np.int64)
    index[300:] += lose
    valid = np.isfinite(microvolts)
    valid[10:20, 0] = False
    header = JournalHeader(
        sample_rate_hz=250.0,
        channels=("EMG1", "EMG3"),
        microvolts_per_count=COUNT_UV,
        subject="07",
        session="A",
        task="silent",
        run="2",
        mains_hz=60.0,
        generated=True,
        about=about or {},
    )
    with JournalWriter(path, header) as writer:
        writer.add(Samples(microvolts, 250.0, index, valid))
        for mark in (
            Mark("trial", 0, 1020, 100, "yes", age_ms=3.0),
            Mark("rest", 1, 1120, 100, "rest", age_ms=21.5),
            Mark("trial", 2, 1250, 100, "no"),
            Mark("trial", 3, 1400, 100, "yes"),
            Mark("skip", 3, 1400, 100, "yes", "undone"),
            Mark("trial", 4, 1550, 100, "no"),
        ):
            writer.note(mark.index, mark.as_event())
        writer.note(1300, {"what": COUNTERS, "lost": 0})
        writer.note(1400, {"what": TOLD, "text": "the sensor is back"})
        writer.note(1500, {"what": COUNTERS, "lost": 2})
        if close:
            writer.close(1602)
    return Samples(microvolts, 250.0, index, valid)


def test_samples_come_back_exactly_and_trials_are_those_that_count(tmp_path):
    samples = recorded(tmp_path / "x.emgj")
    done = write_journal_as_bids(tmp_path / "x.emgj", tmp_path / "rec")
    assert done.damage == ()
    assert done.ended
    assert done.path.name == "sub-07_ses-A_task-silent_run-2_emg.bdf"
    back = read_recording(done.path)
    assert np.array_equal(back.samples.microvolts, samples.microvolts, equal_nan=True)
    assert np.array_equal(back.samples.index, samples.index)
    assert np.array_equal(back.samples.valid, samples.valid)
    assert back.events == (Event(1020, 100, "yes"), Event(1120, 100, "rest"))
    assert back.about["MicrovoltsPerCount"] == COUNT_UV
    assert back.generated
    assert back.mains_hz == 60.0
    assert back.about["SkippedTrials"] == [
        {"name": "no at 1250", "reason": "2 of its 100 samples were lost"},
        {"name": "yes at 1400", "reason": "undone"},
        {"name": "no at 1550", "reason": "the recording ends before it does"},
    ]
    assert back.about["LabelAlignment"]["LatestSampleAgeMs"] == 21.5
    assert back.about["RecorderEvents"] == [
        {"index": 1500, "what": "counters", "lost": 2},
        {"index": 1400, "what": "told", "text": "the sensor is back"},
        {"index": 1602, "what": "ended"},
    ]


def test_values_that_are_no_whole_counts_are_rounded_to_a_fine_grid(tmp_path):
    samples = recorded(tmp_path / "x.emgj", whole=False)
    done = write_journal_as_bids(tmp_path / "x.emgj", tmp_path / "rec")
    back = read_recording(done.path)
    step = back.about["MicrovoltsPerCount"]
    assert step != COUNT_UV
    off = np.nanmax(np.abs(back.samples.microvolts - samples.microvolts))
    assert 0 < off <= step


def test_one_that_was_broken_off_says_so(tmp_path):
    recorded(tmp_path / "x.emgj", close=False)
    done = write_journal_as_bids(tmp_path / "x.emgj", tmp_path / "rec")
    assert done.damage == ()
    assert not done.ended


def test_a_damaged_one_carries_a_warning_for_good(tmp_path):
    path = tmp_path / "x.emgj"
    recorded(path)
    content = bytearray(path.read_bytes())
    content[-120] ^= 1
    path.write_bytes(content)
    done = write_journal_as_bids(path, tmp_path / "rec")
    assert done.damage
    assert any("damaged file" in one for one in read_recording(done.path).warnings)


def test_much_loss_is_a_warning_for_good(tmp_path):
    recorded(tmp_path / "x.emgj", lose=200, about={"Warnings": ["first"]})
    done = write_journal_as_bids(tmp_path / "x.emgj", tmp_path / "rec")
    warnings = read_recording(done.path).warnings
    assert "first" in warnings
    assert "25.0 % of the samples of a recording were lost on the way." in warnings


def test_what_is_there_is_not_written_over(tmp_path):
    recorded(tmp_path / "x.emgj")
    done = write_journal_as_bids(tmp_path / "x.emgj", tmp_path / "rec")
    before = done.path.read_bytes()
    with pytest.raises(OutputExistsError):
        write_journal_as_bids(tmp_path / "x.emgj", tmp_path / "rec")
    assert done.path.read_bytes() == before


def test_the_sidecar_keeps_what_the_recorder_said(tmp_path):
    recorded(tmp_path / "x.emgj", about={"Recorder": {"Plan": {"seed": 7}}})
    done = write_journal_as_bids(tmp_path / "x.emgj", tmp_path / "rec")
    sidecar = done.path.with_name(done.path.name.replace("_emg.bdf", "_emg.json"))
    assert json.loads(sidecar.read_text())["Recorder"]["Plan"]["seed"] == 7


HEADER = JournalHeader(100.0, ("EMG1", "EMG2"), 1.0, "01", "1", "s", "1", 50.0, True, {})


def piece(first, n=100):
    return Samples.contiguous(np.zeros((n, 2)), 100.0, first_index=first)


def test_a_word_that_lost_half_of_its_channels_is_no_trial(tmp_path):
    values = np.zeros((400, 2))
    values[150:170, 1] = np.nan  # no step of the index
    with JournalWriter(tmp_path / "x.emgj", HEADER) as writer:
        writer.add(Samples.contiguous(values, 100.0))
        for number, index in enumerate((100, 250)):
            writer.note(index, Mark("trial", number, index, 100, "yes").as_event())
    recording = recording_of(read_journal(tmp_path / "x.emgj"))
    assert recording.events == (Event(250, 100, "yes"),)
    (skipped,) = recording.about["SkippedTrials"]
    assert skipped["reason"] == "20 of its 100 samples were lost"


def with_an_undone_word(path, *, listed):
    """Three words, of which the second is undone; the numbers may be listed behind it."""
    with JournalWriter(path, HEADER) as writer:
        for number in range(3):
            writer.add(piece(100 * number))
            mark = Mark("trial", number, 100 * number, 90, "yes")
            writer.note(mark.index, mark.as_event())
            if number == 1:
                skip = Mark("skip", 1, 100, 90, "yes", "undone")
                writer.note(150, skip.as_event())
        if listed:
            writer.note(290, {"what": COUNTERS, TAKEN_BACK: [1]})
    return path.read_bytes()


def spoiled_skip(content):
    spoiled = bytearray(content)
    spoiled[content.index(b'"undone"') + 2] ^= 1
    return spoiled


def test_a_lost_undo_is_known_from_the_list_behind_it(tmp_path):
    path = tmp_path / "x.emgj"
    path.write_bytes(spoiled_skip(with_an_undone_word(path, listed=True)))
    recording = recording_of(read_journal(path))
    assert [event.index for event in recording.events] == [0, 200]
    (skipped,) = recording.about["SkippedTrials"]
    assert skipped["name"] == "yes at 100"


def test_where_no_list_follows_the_word_before_a_lost_block_is_in_doubt(tmp_path):
    path = tmp_path / "x.emgj"
    whole = with_an_undone_word(path, listed=False)
    assert [event.index for event in recording_of(read_journal(path)).events] == [0, 200]
    path.write_bytes(spoiled_skip(whole))
    recording = recording_of(read_journal(path))
    assert [event.index for event in recording.events] == [0, 200]
    assert "may have been taken back" in recording.about["SkippedTrials"][0]["reason"]
