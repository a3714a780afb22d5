"""The training loop: it learns, it repeats itself, it keeps the best."""

import numpy as np
import pytest
import torch

from edgeemg.train.dataset import Part
from edgeemg.train.fit import fit, predict
from edgeemg.train.models import make_model
from edgeemg.train.settings import Augmentation, FitSettings


def toy(n=120, seed=0):
    """Two classes that differ in which of two channels is loud."""
    rng = np.random.default_rng(seed)
    classes = rng.integers(0, 2, n)
    inputs = rng.standard_normal((n, 2, 64)).astype(np.float32)
    inputs[np.arange(n), classes] *= 3
    return Part(inputs, classes, np.arange(n))


def trained(settings, *, model_seed=0):
    torch.manual_seed(model_seed)
    model = make_model("cnn", channels=2, window_samples=64, classes=2)
    history = fit(model, toy(), toy(seed=1), settings=settings)
    return model, history


def test_it_learns_what_can_be_learnt():
    model, _ = trained(FitSettings(epochs=12))
    test = toy(seed=2)
    assert (predict(model, test.inputs).argmax(axis=1) == test.classes).mean() > 0.9


def test_the_same_seed_gives_the_same_weights_and_another_does_not():
    weights = [trained(FitSettings(epochs=2, seed=seed))[0].state_dict() for seed in (0, 0, 1)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert not all(torch.equal(weights[0][name], weights[2][name]) for name in weights[0])


def test_it_stops_when_nothing_gets_better():
    _, history = trained(FitSettings(epochs=60, patience=3))
    best = max(epoch.number for epoch in history if epoch.best)
    assert len(history) == best + 3 < 60


def test_the_weights_kept_are_those_of_the_best_epoch():
    model, history = trained(FitSettings(epochs=12))
    best = [epoch for epoch in history if epoch.best][-1]
    validation = toy(seed=1)
    right = predict(model, validation.inputs).argmax(axis=1) == validation.classes
    recall = np.mean([right[validation.classes == one].mean() for one in (0, 1)])
    assert recall == pytest.approx(best.validation_accuracy)


def test_prediction_in_pieces_is_prediction_at_once():
    model = make_model("cnn", channels=2, window_samples=64, classes=2)
    inputs = toy(n=1100).inputs
    with torch.no_grad():
        whole = model(torch.from_numpy(inputs)).numpy()
    np.testing.assert_allclose(predict(model, inputs), whole, atol=1e-5)


def test_watchers_hear_of_every_epoch():
    heard = []
    torch.manual_seed(0)
    model = make_model("simple-cnn", channels=2, window_samples=64, classes=2)
    history = fit(model, toy(), toy(seed=1), settings=FitSettings(epochs=3), on_epoch=heard.append)
    assert heard == history
    assert [epoch.number for epoch in heard] == [1, 2, 3]


def test_without_a_validation_part_the_last_epoch_is_kept():
    torch.manual_seed(0)
    model = make_model("simple-cnn", channels=2, window_samples=64, classes=2)
    history = fit(model, toy(), None, settings=FitSettings(epochs=4, patience=1))
    assert [epoch.number for epoch in history] == [1, 2, 3, 4]
    assert history[-1].best
    assert history[-1].validation_accuracy is None


def test_a_pass_takes_one_window_of_every_trial():
    from edgeemg.train.fit import _OneOfEach

    trials = np.array([5, 5, 5, 2, 9, 9, 2, 5])
    generator = torch.Generator().manual_seed(0)
    windows = _OneOfEach(trials, least=1)
    drawn = [windows.drawn(generator).numpy() for _ in range(200)]
    assert all(sorted(trials[one]) == [2, 5, 9] for one in drawn)
    assert set(np.concatenate(drawn)) == set(range(8))  # in time, each window gets its turn


def test_few_trials_are_passed_over_until_there_are_enough_windows():
    from edgeemg.train.fit import _OneOfEach

    trials = np.array([5, 5, 5, 2, 9, 9, 2, 5])
    windows = _OneOfEach(trials, least=10)
    drawn = windows.drawn(torch.Generator().manual_seed(0)).numpy()
    assert len(drawn) == windows.drawn_at_once == 12
    assert np.bincount(trials[drawn])[[2, 5, 9]].tolist() == [4, 4, 4]


def test_mixup_trains_too():
    torch.manual_seed(0)
    model = make_model("cnn", channels=2, window_samples=64, classes=2)
    settings = FitSettings(epochs=12, augmentation=Augmentation(mixup=0.3))
    fit(model, toy(), None, settings=settings)
    test = toy(seed=2)
    assert (predict(model, test.inputs).argmax(axis=1) == test.classes).mean() > 0.9


def test_a_closed_form_model_is_solved_without_epochs():
    model = make_model("lda", channels=2, window_samples=64, classes=2)
    assert fit(model, toy(), None, settings=FitSettings()) == []
    test = toy(seed=2)
    assert (predict(model, test.inputs).argmax(axis=1) == test.classes).mean() > 0.9
