"""Folds that train anew, and figures that say what they are of."""

import json

import numpy as np
import pytest

from edgeemg.data.synth import make_recordings
from edgeemg.errors import ModelError, RecordingError
from edgeemg.train.evaluation import evaluate
from edgeemg.train.settings import EvaluationSettings, FitSettings, TrainSettings


@pytest.fixture(scope="module")
def recordings():
    """Two people with two generated sessions each."""
    return list(make_recordings(subjects=2, sessions=2, words=2, repetitions=10, seed=3))


def settings(model="simple-cnn", **fields):
    return EvaluationSettings(
        train=TrainSettings(model=model, fit=FitSettings(epochs=2)), folds=2, **fields
    )


def test_every_trial_is_tested_once(recordings):
    metrics = evaluate(recordings, settings(), data="d").metrics
    assert metrics["n_trials"] == sum(map(sum, metrics["confusion"]["counts"]))
    assert metrics["n_trials"] == sum(len(one.events) for one in recordings)
    assert sum(metrics["n_test"]) == metrics["n_trials"]
    assert metrics["fold_names"] == ["1", "2"]


def test_the_same_settings_give_the_same_figures_beside_other_threads(recordings):
    import torch

    one = evaluate(recordings, settings(), data="d").metrics
    torch.set_num_threads(2)
    assert json.dumps(evaluate(recordings, settings(), data="d").metrics) == json.dumps(one)
    assert torch.get_num_threads() == 2  # as it was


def test_sessions_and_people_are_held_out_by_name(recordings):
    sessions = ["gen01 1", "gen01 2", "gen02 1", "gen02 2"]
    for protocol, names in (("session", sessions), ("subject", ["gen01", "gen02"])):
        metrics = evaluate(recordings, settings(protocol=protocol), data="d").metrics
        assert metrics["fold_names"] == names
        assert metrics["protocol"].startswith(protocol)


def test_a_model_for_each_person_never_sees_another(recordings):
    whole = evaluate(recordings, settings(per_person=True), data="d").metrics
    assert list(whole["people"]) == ["gen01", "gen02"]
    assert whole["fold_names"] == ["gen01 1", "gen01 2", "gen02 1", "gen02 2"]
    own = [one for one in recordings if one.subject == "gen01"]
    alone = evaluate(own, settings(), data="d").metrics
    assert whole["accuracy"]["folds"][:2] == alone["accuracy"]["folds"]
    assert whole["people"]["gen01"]["accuracy"] == alone["accuracy"]["mean"]


def test_people_with_unlike_words_share_one_confusion_matrix():
    two = list(make_recordings(words=2, repetitions=8, seed=1))
    three = [
        one.__class__(
            one.samples, one.events, one.channels, "other", *(one.session, one.task, one.run),
            one.mains_hz, one.generated, one.about,
        )
        for one in make_recordings(words=3, repetitions=8, seed=2)
    ]  # fmt: skip
    metrics = evaluate([*two, *three], settings(per_person=True), data="d").metrics
    assert len(metrics["confusion"]["labels"]) == 4
    assert np.shape(metrics["confusion"]["counts"]) == (4, 4)
    assert sum(map(sum, metrics["confusion"]["counts"])) == metrics["n_trials"]


def test_a_fraction_trains_on_fewer_trials_and_tests_on_all(recordings):
    whole, half = (
        evaluate(recordings, settings(fraction=one), data="d").metrics for one in (1, 0.5)
    )
    assert half["n_test"] == whole["n_test"]
    for fewer, all_of_them in zip(half["n_train"], whole["n_train"], strict=True):
        assert fewer == pytest.approx(all_of_them / 2, abs=8)


def test_generated_emg_and_its_licence_are_said(recordings):
    metrics = evaluate(recordings, settings("lda"), data="d").metrics
    assert metrics["generated"]
    assert metrics["licence"]
    assert any("Generated EMG" in warning for warning in metrics["warnings"])


def test_watchers_hear_of_every_fold_and_epoch(recordings):
    heard = []
    evaluate(
        recordings,
        settings(),
        data="d",
        on_start=heard.append,
        on_epoch=lambda fold, epoch: heard.append((fold, epoch.number)),
        on_fold=lambda fold: heard.append((fold.number, fold.of, fold.name)),
    )
    assert heard == [2, (1, 1), (1, 2), (1, 2, "1"), (2, 1), (2, 2), (2, 2, "2")]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"protocol": "random"}, "unknown protocol 'random'"),
        ({"protocol": "subject", "per_person": True}, "leave --per-person away"),
        ({"fraction": 0.0}, "fraction"),
        ({"model": "resnet"}, "unknown model 'resnet'"),
    ],
)
def test_settings_that_cannot_be_are_refused(wrong, words):
    with pytest.raises(ModelError, match=words):
        evaluate([], settings(**wrong), data="d")


def test_more_folds_than_trials_say_what_is_needed(recordings):
    many = EvaluationSettings(train=TrainSettings(model="lda"), folds=50)
    with pytest.raises(RecordingError, match="50 folds need at least 50 trials a label"):
        evaluate(recordings, many, data="d")


def test_a_fold_trains_on_its_training_part_and_predicts_its_test_part(recordings, monkeypatch):
    from edgeemg.train import evaluation

    datasets, trained, predicted = [], [], []
    divide = evaluation.divided
    monkeypatch.setattr(
        evaluation, "divided", lambda *all_of: datasets.append(divide(*all_of)) or datasets[-1]
    )
    monkeypatch.setattr(
        evaluation, "fit", lambda _, train, validation, **__: trained.append((train, validation))
    )

    def predict(_, inputs):
        predicted.append(inputs)
        return np.zeros((len(inputs), 3), np.float32)

    monkeypatch.setattr(evaluation, "predict", predict)
    evaluate(recordings, settings(), data="d")
    assert len(datasets) == 2
    for dataset, (train, validation), inputs in zip(datasets, trained, predicted, strict=True):
        assert train is dataset.train
        assert validation is None
        assert inputs is dataset.test.inputs
        assert not set(dataset.train.trials) & set(dataset.test.trials)


def test_labels_that_mean_nothing_are_not_learnt(recordings):
    from dataclasses import replace

    rng = np.random.default_rng(0)
    mixed = [
        replace(
            one,
            events=tuple(
                replace(event, label=str(label))
                for event, label in zip(
                    one.events, rng.permutation([e.label for e in one.events]), strict=True
                )
            ),
        )
        for one in recordings
    ]
    metrics = evaluate(mixed, settings("lda"), data="d").metrics
    assert metrics["balanced_accuracy"]["mean"] < 1 / 3 + 0.12


@pytest.mark.parametrize(
    ("fields", "trained_on"),
    [
        ({}, [[0, 1, 2, 3]] * 2),
        ({"fraction": 0.1}, [[0, 1, 2, 3]] * 2),
        ({"protocol": "session"}, [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]]),
        ({"protocol": "subject"}, [[2, 3], [0, 1]]),
        ({"per_person": True}, [[0, 1]] * 2 + [[2, 3]] * 2),
    ],
)
def test_a_fold_lists_the_recordings_that_it_was_trained_on_and_no_other(
    recordings, fields, trained_on
):
    from dataclasses import replace

    from edgeemg.dsp.identical import digest

    mixed = [
        replace(one, generated=n == 0, about={"License": f"licence {n}"})
        for n, one in enumerate(recordings)
    ]
    told = []
    evaluate(
        mixed,
        settings("lda", **fields),
        data="d",
        on_trained=lambda _, done: told.append(done.manifest.training),
    )
    assert len(told) == len(trained_on)
    for training, own in zip(told, trained_on, strict=True):
        assert training.digests == tuple(sorted(digest(mixed[n]) for n in own))
        assert training.recordings == len(own)
        assert training.licence == "; ".join(f"licence {n}" for n in own)
        assert training.generated == (0 in own)


def test_a_copy_of_a_tested_recording_never_trains(recordings):
    from dataclasses import replace

    two = [one for one in recordings if one.session == "1"]  # one of each person
    copy = replace(two[0], subject="gen09")
    metrics = evaluate([*two, copy], settings("lda", protocol="subject"), data="d").metrics
    n_train = dict(zip(metrics["fold_names"], metrics["n_train"], strict=True))
    assert n_train["gen01"] == n_train["gen09"] == len(two[1].events)  # without each other
    assert n_train["gen02"] == 2 * len(two[0].events)
    assert any("same samples as one that is tested" in one for one in metrics["warnings"])
