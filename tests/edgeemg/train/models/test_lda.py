"""The yardstick: its features by hand, its solution against scikit-learn, its files, its bar."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from sklearn.covariance import LedoitWolf
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from edgeemg.errors import ModelError
from edgeemg.train.fit import predict
from edgeemg.train.models import count_macs, count_parameters, make_model
from edgeemg.train.models.lda import Lda

STD, DIFFERENCE, MEAN, BANDS = slice(0, 8), slice(8, 13), slice(13, 25), slice(25, 33)


def loudness_windows(count, *, classes, channels=3, samples=200, seed=0):
    """White noise; class k is louder on channel k by half."""
    rng = np.random.default_rng(seed)
    named = np.arange(count) % classes
    gains = 1 + 0.5 * (named[:, None] == np.arange(channels))
    noise = rng.standard_normal((count, channels, samples))
    return (gains[:, :, None] * noise).astype(np.float32), named


def solved(classes, **options):
    inputs, named = loudness_windows(300, classes=classes, **options)
    model = Lda(inputs.shape[1], inputs.shape[2], classes)
    model.solve(inputs, named)
    return model.eval()


def features_of(row):
    """(time,) -> (33,) by the module."""
    model = Lda(1, len(row), 2)
    return model.features(torch.tensor(row, dtype=torch.float32)[None, None])[0].numpy()


def softmax(logits):
    whole = np.exp(logits - logits.max(axis=1, keepdims=True))
    return whole / whole.sum(axis=1, keepdims=True)


def test_segments_are_measured_as_numpy_measures_them():
    row = np.random.default_rng(1).standard_normal(200) + np.linspace(0, 3, 200)
    got = features_of(row)
    stretches = row.reshape(8, 25)
    np.testing.assert_allclose(got[STD], 0.5 * np.log(stretches.var(axis=1) + 1e-2), atol=1e-5)
    steps = np.abs(np.diff(row.reshape(5, 40), axis=1)).mean(axis=1)
    np.testing.assert_allclose(got[DIFFERENCE], np.log(steps + 3e-2), atol=1e-5)
    np.testing.assert_allclose(got[MEAN], row[:192].reshape(12, 16).mean(axis=1), atol=1e-5)


def test_bands_are_those_of_a_hann_periodogram():
    row = np.random.default_rng(2).standard_normal(200) + 5
    taper = np.hanning(200)
    tapered = taper * (row - row.mean())
    power = np.abs(np.fft.rfft(tapered)[1:]) ** 2 / np.square(taper).sum()
    edges = [1, 2, 3, 6, 10, 18, 32, 57, 101]  # bins, 101 ** (n / 8) rounded
    by_hand = [power[a - 1 : b - 1].mean() for a, b in pairwise(edges)]
    np.testing.assert_allclose(features_of(row)[BANDS], np.log(np.add(by_hand, 1e-2)), atol=1e-4)


def test_white_noise_has_its_variance_in_every_band():
    noise = np.random.default_rng(3).standard_normal((2000, 1, 200)).astype(np.float32)
    model = Lda(1, 200, 2)
    power = (torch.from_numpy(noise) @ model.basis).square() @ model.bands
    np.testing.assert_allclose(power.mean(dim=(0, 1)), [5 / 6, *[1.0] * 7], atol=0.05)


def test_a_flat_row_has_finite_features():
    assert np.isfinite(features_of(np.full(200, 8.0))).all()


@pytest.mark.parametrize("classes", [2, 3])
def test_probabilities_are_scikit_learns(classes):
    inputs, named = loudness_windows(300, classes=classes)
    model = solved(classes)
    unseen, _ = loudness_windows(100, classes=classes, seed=9)
    with torch.no_grad():
        train, test = (model.features(torch.from_numpy(x)).double() for x in (inputs, unseen))
    spread = np.maximum(train.numpy().std(axis=0), 0.2)
    theirs = LinearDiscriminantAnalysis(solver="lsqr", covariance_estimator=LedoitWolf())
    theirs.fit(train.numpy() / spread, named)
    ours = softmax(predict(model, unseen).astype(np.float64))
    np.testing.assert_allclose(ours, theirs.predict_proba(test.numpy() / spread), atol=1e-4)


def test_loudness_alone_is_learnt():
    unseen, named = loudness_windows(300, classes=3, seed=9)
    assert (predict(solved(3), unseen).argmax(axis=1) == named).mean() > 0.95


def test_what_is_rare_in_training_is_rarely_named():
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((400, 1, 100)).astype(np.float32)
    named = (np.arange(400) % 10 == 0).astype(np.int64)  # a label that the signal does not hold
    model = Lda(1, 100, 2)
    model.solve(inputs, named)
    unseen = rng.standard_normal((400, 1, 100)).astype(np.float32)
    mean = softmax(predict(model, unseen).astype(np.float64)).mean(axis=0)
    assert mean[1] == pytest.approx(0.1, abs=0.05)


def test_the_same_windows_give_the_same_weights():
    one, two = solved(3).state_dict(), solved(3).state_dict()
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_the_weights_hold_all_that_was_fitted():
    model = solved(3)
    fresh = make_model("lda", channels=3, window_samples=200, classes=3)
    fresh.load_state_dict(model.state_dict())
    inputs, _ = loudness_windows(10, classes=3)
    np.testing.assert_array_equal(predict(fresh, inputs), predict(model, inputs))
    assert model.state_dict().keys() == {"centre", "head.weight", "head.bias"}


@pytest.mark.parametrize("windows", [0, 1])
def test_a_class_with_less_than_two_windows_is_refused_by_its_number(windows):
    inputs, named = loudness_windows(30, classes=2)
    named[:windows] = 2
    with pytest.raises(ModelError, match=r"at least 2 windows.*class 2 \(counted from 0\)"):
        Lda(3, 200, 3).solve(inputs, named)


def test_a_window_of_23_samples_is_too_short_and_24_are_enough():
    with pytest.raises(ModelError, match=r"windows of 23 samples.*at least 24.*--window-ms"):
        Lda(1, 23, 2)
    assert Lda(1, 24, 2)(torch.zeros(1, 1, 24)).isfinite().all()


def test_the_docstring_tells_the_true_size():
    model = Lda(8, 200, 10)
    by_hand = 8 * 200 * 200 + 8 * 200 * 8 + 8 * 33 * 10  # the DFT, the bands, the linear layer
    assert count_macs(model, channels=8, window_samples=200) == by_hand
    assert f"{round(by_hand / 1000)} k multiply-accumulates" in (Lda.__doc__ or "")
    assert count_parameters(model) == (8 * 33 + 1) * 10
    assert f"{count_parameters(model):,} parameters" in (Lda.__doc__ or "")


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["onnx", "tflite"])
def test_float_files_are_pytorch_to_rounding(engine, tmp_path):
    from edgeemg.runtime.engines import ENGINES
    from edgeemg_export.onnx_file import write_onnx
    from edgeemg_export.tflite_file import write_tflite

    model = solved(3)
    inputs, _ = loudness_windows(50, classes=3, seed=9)
    path = tmp_path / f"model.{engine}"
    write = {"onnx": write_onnx, "tflite": write_tflite}[engine]
    write(model, np.zeros((1, 3, 200), dtype=np.float32), path)
    opened = ENGINES[engine](path, "float32")
    theirs = np.stack([opened.logits(window[None]) for window in inputs])
    np.testing.assert_allclose(theirs, predict(model, inputs), atol=1e-4)


@pytest.mark.slow
def test_real_silent_speech_is_classified_as_well_as_published(shared_data):
    """somach-semg study B, five blocked folds; a first sketch of such features had 0.528."""
    from edgeemg.data.importers.imported import ImportSettings
    from edgeemg.data.importers.somach_semg import read_somach_semg
    from edgeemg.train.dataset import cut, divided
    from edgeemg.train.metrics import trial_probabilities, true_classes
    from edgeemg.train.splits import blocked_folds

    source = shared_data / "somach-semg" / "studyB_5phase"
    recordings = read_somach_semg(source, ImportSettings(), iter).recordings
    whole = cut(recordings, front_end="split", window_ms=800, hop_ms=100)
    right = []
    for parts in blocked_folds(whole.windows.trials, count=5, seed=0):
        dataset = divided(whole, parts)
        model = Lda(len(dataset.scale), dataset.window_samples, len(dataset.labels))
        model.solve(dataset.train.inputs, dataset.train.classes)
        test = dataset.test
        _, probabilities = trial_probabilities(predict(model, test.inputs), test.trials)
        right.append(probabilities.argmax(axis=1) == true_classes(test.classes, test.trials))
    assert np.concatenate(right).mean() > 0.57
