"""All findings together: what is said, and what is not."""

import json
from dataclasses import replace

import numpy as np
import pytest

from edgeemg.dsp.identical import warning_of
from edgeemg.train.leaks import check, warnings


def test_a_generated_session_of_all_words_gives_no_warning(session):
    assert warnings([session]) == []


def test_planted_leaks_are_all_said_with_their_figures(dealt, hum):
    rest, lone = warnings(hum(dealt))
    assert rest.startswith("Rest alone tells which of a person's recordings it comes from")
    assert "chance 33%; above it p < 0.01, binomial test over stretches of time" in rest
    assert "in one recording only" in lone


def test_without_the_tone_one_word_a_recording_remains(dealt):
    (lone,) = warnings(dealt)
    assert "in one recording only" in lone


def test_a_length_tied_to_the_class_is_said(trials):
    labels = [str(one) for one in np.random.default_rng(2).permutation(list("ab") * 60)]
    (said,) = warnings([trials(labels, [250 if one == "a" else 200 for one in labels])])
    assert said.startswith("The length of a trial betrays its class")
    assert "100% balanced accuracy over 120 trials (chance 50%" in said


def test_of_several_people_the_worst_is_named(trials):
    labels = ["a", "b"] * 60
    people = [
        trials(labels, [200 + 50 * (one == "a") * (subject == "02") for one in labels])
        for subject in ("01", "02")
    ]
    (said,) = warnings([replace(one, subject=f"0{n + 1}") for n, one in enumerate(people)])
    assert said.startswith("In 1 of 2 people the length of a trial betrays its class")
    assert "(02)" in said


def test_recordings_with_the_same_samples_are_said_once(trials):
    one = trials(["a", "b"], [200, 200])
    twins = [one, replace(one, subject="02")]
    said = warning_of(twins)
    assert said in warnings(twins)
    told = [replace(twin, about={"Warnings": [said]}) for twin in twins]
    assert said not in warnings(told)  # their own warnings say so already
    assert said in check(told).warnings


def test_what_cannot_be_judged_is_named_with_the_reason(trials):
    found = check([trials(["a", "b"], [200, 200], run=run) for run in "12"])
    (untested,) = found.untested
    assert untested.name == "01, session 1, silent"
    assert "no label means rest" in untested.reason


def test_json_is_plain_and_tells_leak_from_no_leak(dealt, hum):
    found = json.loads(json.dumps(check(hum(dealt)).as_json()))
    assert found.keys() == {
        "rest",
        "length",
        "lone_classes",
        "identical",
        "untested",
        "warnings",
    }
    assert [one["leaks"] for one in found["rest"]] == [True]
    assert [one["leaks"] for one in found["length"]] == [False]


def test_a_recording_without_events_is_no_obstacle(trials):
    assert warnings([trials([], []), trials(["a"], [200], run="2")]) == []


@pytest.mark.slow
def test_rest_betrays_the_file_in_subvocal_emg(shared_data):
    """Measured before, by another classifier: 74 % against 33 %."""
    from edgeemg.data.importers.imported import ImportSettings
    from edgeemg.data.importers.subvocal_emg import read_subvocal_emg

    recordings = read_subvocal_emg(shared_data / "subvocal-emg", ImportSettings(), iter).recordings
    found = check(recordings)
    assert len(found.rest) == 14
    assert sum(one.leaks for one in found.rest) >= 12
    assert np.mean([one.accuracy for one in found.rest]) > 0.6
    assert {one.chance for one in found.rest} == {1 / 3}
    assert len(found.identical) == 1
    assert any(text.startswith("Rest alone tells") for text in found.warnings)


@pytest.mark.slow
def test_the_randomised_trials_of_somach_semg_do_not_leak_by_rest(shared_data):
    from edgeemg.data.importers.imported import ImportSettings
    from edgeemg.data.importers.somach_semg import read_somach_semg

    recordings = read_somach_semg(shared_data / "somach-semg", ImportSettings(), iter).recordings
    found = check(recordings)
    (rest,) = found.rest
    assert rest.tells  # days and ways of speaking differ
    assert not rest.leaks  # but not in their words
    assert not found.lone_classes
    assert not any("Rest alone" in text for text in found.warnings)
