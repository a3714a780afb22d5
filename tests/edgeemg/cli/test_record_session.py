"""The loop without a terminal: a source that we hold, and a journal that we read."""

import signal
from collections import deque
from dataclasses import replace

import numpy as np
import pytest

from edgeemg.cli.keyboard import Keyboard
from edgeemg.cli.record_session import Session, Told
from edgeemg.cli.record_views import Plain
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
    rate_hz = stream.sample_rate_hz
    header = JournalHeader(rate_hz, ("EMG1", "EMG3"), 0.5, "01", "1", "s", "1", 50.0, True, {})
    return Session(
        plan,
        stream,
        (0, 2),
        header,
        writer=JournalWriter(path, header, clock=lambda: source.now_s),
        keyboard=Keyboard(),
        view=Plain(),
        messages=deque(messages),
        sensor="a source",
        name="x",
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


def test_a_sensor_of_another_rate_ends_it_and_no_label_is_kept(tmp_path):
    source = Source(400)
    loop = session(source, tmp_path / "x.emgj", stream=replace(STREAM, sample_rate_hz=400.0))
    loop.begin()
    with pytest.raises(PortError, match="a source sends about 100 samples a second, not 400"):
        loop.run(source, Told(), counted)
    loop.end(counted)
    assert source.now_s < 60
    journal = read_journal(tmp_path / "x.emgj")
    marks = marks_among(journal.events)
    begun = {mark.number for mark in marks if mark.what != "skip"}
    assert begun
    assert begun == {mark.number for mark in marks if mark.what == "skip"}


class Halves(Source):
    """From the twelfth to the twentieth piece the third channel does not come."""

    def __iter__(self):
        for n, samples in enumerate(super().__iter__()):
            samples.microvolts[:, 2] += np.nan if 12 <= n < 20 else 0
            yield samples


def test_a_word_that_loses_a_channel_is_asked_for_again(tmp_path, capsys):
    source = Halves(200)
    loop = session(source, tmp_path / "x.emgj")
    loop.begin()
    loop.run(source, Told(), counted)
    said = capsys.readouterr().err
    assert "of its 100 samples were lost" in said
    assert said.count("say: ") == 3


def test_the_numbers_of_what_was_taken_back_are_listed_at_the_end(tmp_path):
    source = Source(30)
    loop = session(source, tmp_path / "x.emgj", trial_s=2.0)
    loop.begin()
    told = Told()

    def until_the_word():
        for samples in source:
            told.stop = source.now_s > 51.5
            yield samples

    loop.run(until_the_word(), told, counted)
    loop.end(counted)
    *_, (_, counters), (_, ended) = read_journal(tmp_path / "x.emgj").events
    assert counters["taken_back"] == ended["taken_back"] == [0]


def test_a_signal_that_is_ignored_stays_ignored():
    """As `nohup` wants it."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Told() as told:
            signal.raise_signal(signal.SIGHUP)
            assert not told.stop
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
