"""Which part of a recording that was trained on may judge a model."""

from dataclasses import replace

import pytest

from edgeemg.cli.hearing import _trained_until
from edgeemg.data.synth import make_recordings
from edgeemg.dsp.samples import Samples
from edgeemg.train.evaluation import evaluate
from edgeemg.train.settings import EvaluationSettings, TrainSettings
from edgeemg.train.splits import blocked
from edgeemg.train.training import train
from edgeemg.train.trials import Trial, cut_windows


@pytest.fixture(scope="module", params=["whole", "with a break", "off at the start"])
def recording(request):
    (made,) = make_recordings(words=3, repetitions=12, channels=2, seed=4)
    whole = replace(made, channels=("chin", "throat"))
    if request.param == "whole":
        return whole
    if request.param == "off at the start":  # trials there give no window and train nothing
        valid = whole.samples.valid.copy()
        valid[: len(valid) // 3, 0] = False
        return replace(whole, samples=replace(whole.samples, valid=valid))
    index = whole.samples.index + 3000 * (whole.samples.index > 12_345)
    events = tuple(
        replace(one, index=one.index + 3000 * (one.index > 12_345)) for one in whole.events
    )
    samples = whole.samples
    broken = Samples(samples.microvolts, samples.sample_rate_hz, index, samples.valid)
    return replace(whole, samples=broken, events=events)


@pytest.fixture
def manifest(plain_manifest):
    """As `train` writes it: it says how the recordings were divided."""
    trials = [Trial("r", label, n, n) for n in range(40) for label in ("rest", "left")]
    training = replace(plain_manifest.training, protocol=blocked(trials).protocol)
    return replace(plain_manifest, training=training)


def test_no_sample_that_trained_lies_in_what_is_held_out(recording, manifest):
    start = _trained_until(recording, manifest)
    windows = cut_windows(
        [recording], manifest.bands, window=manifest.window_samples, hop=manifest.hop_samples
    )
    parts = blocked(windows.trials)
    trained = [windows.trials[n].last for n in (*parts.train, *parts.validation)]
    assert max(trained) < start
    assert start < recording.samples.index[-1] - 0.1 * len(recording.samples)


def test_too_few_trials_were_all_trained_on(recording, manifest):
    few = replace(recording, events=recording.events[:4])
    assert _trained_until(few, manifest) is None


def test_only_what_train_wrote_has_an_end_that_was_held_out():
    (recording,) = make_recordings(words=2, repetitions=12, channels=2, seed=4)
    settings = TrainSettings(model="lda")
    whole = train([recording], settings, data="d").manifest
    assert _trained_until(recording, whole) is not None
    folds = []

    def keep(_, trained):
        folds.append(trained.manifest)

    for protocol in ("blocked", "shuffled"):
        evaluation = EvaluationSettings(train=settings, protocol=protocol, folds=2)
        evaluate([recording], evaluation, data="d", on_trained=keep)
    assert [_trained_until(recording, fold) for fold in folds] == [None] * 4
