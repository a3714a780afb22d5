"""`edgeemg data check` as a user meets it."""

import json
from dataclasses import replace

import numpy as np
import pytest

from edgeemg.data.bids import write_recordings
from edgeemg.data.synth import make_recordings


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "clean"
    write_recordings(make_recordings(words=2, repetitions=12, channels=2, seed=3), folder)
    return folder


@pytest.fixture(scope="module")
def one_word_each(tmp_path_factory):
    """Two generated recordings, one word in each, and a tone in the second."""
    recordings = []
    for n, made in enumerate(make_recordings(words=2, repetitions=14, channels=2, sessions=2)):
        words = sorted({one.label for one in made.events} - {"rest"})
        samples = made.samples
        tone = 20.0 * n * np.sin(2 * np.pi * 41 * samples.index / samples.sample_rate_hz)
        values = (samples.microvolts + tone[:, None]).astype(np.float32)
        recordings.append(
            replace(
                made,
                session="1",
                run=str(n + 1),
                about={},
                samples=replace(samples, microvolts=values),
                events=tuple(one for one in made.events if one.label in ("rest", words[n])),
            )
        )
    folder = tmp_path_factory.mktemp("data") / "leaking"
    write_recordings(recordings, folder)
    return folder


def test_clean_recordings_say_that_no_leak_was_found(edgeemg, clean):
    done = edgeemg("data", "check", clean)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert "no leak found" in done.stderr.splitlines()[-1]


def test_a_leak_is_told_and_the_exit_code_stays_0(edgeemg, one_word_each):
    done = edgeemg("data", "check", one_word_each)
    assert done.returncode == 0, done.stderr
    assert "LEAK: they differ in their words" in done.stderr
    assert "warning: Rest alone tells" in done.stderr
    assert "in one of 2 recordings only" in done.stderr
    assert "no leak found" not in done.stderr


def test_json_holds_the_figures_on_stdout(edgeemg, one_word_each):
    done = edgeemg("data", "check", one_word_each, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    (rest,) = found["rest"]
    assert rest["leaks"]
    assert rest["accuracy"] > 0.9
    assert rest["chance"] == 0.5
    assert len(found["warnings"]) >= 2


def test_a_folder_without_recordings_is_one_line_and_exit_code_2(edgeemg, tmp_path):
    done = edgeemg("data", "check", tmp_path / "nowhere")
    assert done.returncode == 2
    assert done.stderr.startswith("edgeemg: ")
    assert "Traceback" not in done.stderr


def test_a_person_who_is_not_there_is_one_line_and_exit_code_2(edgeemg, clean):
    done = edgeemg("data", "check", clean, "--subject", "99")
    assert done.returncode == 2
    assert "99" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_could_not_be_tested_is_not_called_free_of_leaks():
    from edgeemg.cli.check import _told
    from edgeemg.train.leaks import Leaks

    told = list(_told(Leaks((), (), (), (), (), ())))
    assert "no leak found" not in told
    assert any("length of trials: not tested" in line for line in told)
    assert "nothing could be tested" in told[-1]
