"""The loop without a terminal: a source that we hold, and a journal that we read."""

from collections import deque
from dataclasses import replace

import numpy as np
import pytest

from edgeemg.cli.keyboard import Keyboard
from edgeemg.cli.record_screen import Plain
from edgeemg.cli.record_session import Session, Told
from edgeemg.data.journal import JournalHeader, read_journal
from edgeemg.data.journal_writer import JournalWriter
from edgeemg.data.trial_marks import marks_among
from edgeemg.data.trial_plan import TrialPlan
from edgeemg.dsp.samples import Samples
from edgeemg.errors import PortError
from firmware_bridge.frames import Stream

STREAM = Stream(100.0, 3, 0.5, -2048, 2047, 256)


class Source:
    """Ten samples of three channels every 100 ms of its own clock; then what it is told to do."""

    def __init__(self, n_pieces, at_the_end=None):
        self.now_s = 50.0
        self._n, self._at_the_end = n_pieces, at_the_end

    def __iter__(self):
        for n in range(self._n):
            self.now_s += 0.1
            values = np.full((10, 3), n, np.float32) + np.arange(3, dtype=np.float32)
            yield Samples.contiguous(values, 100.0, first_index=10 * n, arrived_s=self.now_s)
        if self._at_the_end is not None:
            raise self._at_the_end
        while True:
            self.now_s += 0.05
            yield Samples.contiguous(np.empty((0, 3)), 100.0)


def session(source, path, *, messages=(), trial_s=1.0, stream=STREAM):
    plan = TrialPlan(("yes", "no"), 1, 0, ready_s=0.5, trial_s=trial_s, rest_s=1.5)
    header = JournalHeader(100.0, ("EMG1", "EMG3"), 0.5, "01", "1", "s", "1", 50.0, True, {})
    return Session(
        plan,
        stream,
        (0, 2),
        header,
        writer=JournalWriter(path, header, clock=lambda: source.now_s),
        keyboard=Keyboard(),
        view=Plain(),
        messages=deque(messages),
        title="a source",
        clock=lambda: source.now_s,
    )


def counted():
    return {"received": 0, "lost": 3}


def test_a_plan_is_recorded_to_its_end(tmp_path):
    source = Source(200)
    loop = session(source, tmp_path / "x.emgj", messages=["it is slow"])
    loop.begin()
    loop.run(source, Told(), counted)
    loop.end(counted)
    journal = read_journal(tmp_path / "x.emgj")
    assert journal.ended
    assert journal.samples.n_channels == 2
    assert journal.samples.microvolts[25].tolist() == [2, 4]
    marks = marks_among(journal.events)
    assert sorted(mark.label for mark in marks) == ["no", "rest", "rest", "yes"]
    assert {"what": "told", "text": "it is slow"} in [event for _, event in journal.events]


def test_a_port_that_fails_for_good_loses_no_sample_that_came(tmp_path):
    source = Source(17, PortError("another sensor came back"))
    loop = session(source, tmp_path / "x.emgj")
    loop.begin()
    with pytest.raises(PortError):
        loop.run(source, Told(), counted)
    loop.end(counted)
    journal = read_journal(tmp_path / "x.emgj")
    assert len(journal.samples) == 170
    assert journal.ended


def test_silence_pauses_it_and_the_word_comes_again(tmp_path, capsys):
    source = Source(8)  # silent in the middle of the first word
    loop = session(source, tmp_path / "x.emgj", trial_s=3.0)
    loop.begin()
    told = Told()
    steps = iter(source)

    def until_paused():
        for samples in steps:
            yield samples
            told.stop = source.now_s > 55

    loop.run(until_paused(), told, counted)
    loop.end(counted)
    said = capsys.readouterr().err
    assert "paused: no samples from the sensor" in said
    assert "left out: paused: no samples" in said
    assert len(read_journal(tmp_path / "x.emgj").samples) == 80


class Humming(Source):
    """The same at 250 samples a second, with nothing but 60 Hz."""

    def __iter__(self):
        for n in range(self._n):
            self.now_s += 0.1
            turn = 2 * np.pi * 60 * np.arange(25 * n, 25 * n + 25) / 250
            values = 100 * np.sin(turn)[:, np.newaxis] + np.zeros(3)
            yield Samples.contiguous(values, 250.0, first_index=25 * n, arrived_s=self.now_s)


def test_hum_of_another_mains_is_asked_about_once(tmp_path, capsys):
    source = Humming(60)
    loop = session(source, tmp_path / "x.emgj", stream=replace(STREAM, sample_rate_hz=250.0))
    loop.begin()
    loop.run(source, Told(), counted)
    assert capsys.readouterr().err.count("should this be --mains 60?") == 1


def test_before_the_first_word_nothing_has_begun(tmp_path):
    source = Source(5)
    loop = session(source, tmp_path / "x.emgj")
    told = Told()
    told.stop = True
    loop.run(source, told, counted)
    assert not loop.has_begun
