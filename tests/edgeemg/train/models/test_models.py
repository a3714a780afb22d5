"""Every family: shapes, size, and that it answers for any shape a user may bring."""

import re

import pytest
import torch

from edgeemg.errors import ModelError
from edgeemg.train.models import MODELS, count_macs, count_parameters, make_model

FIGURES = re.compile(
    r"(\d+) channels x (\d+) samples x (\d+) classes: "
    r"([\d,]+) parameters, ([\d.]+) M multiply-accumulates"
)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    ("channels", "window", "classes"), [(8, 100, 10), (8, 200, 10), (2, 150, 3), (1, 64, 2)]
)
def test_every_model_gives_one_logit_a_class_for_any_shape(name, channels, window, classes):
    model = make_model(name, channels=channels, window_samples=window, classes=classes).eval()
    assert model(torch.randn(3, channels, window)).shape == (3, classes)


@pytest.mark.parametrize("window", [50, 51, 99, 333, 500])
@pytest.mark.parametrize("name", MODELS)
def test_every_model_works_on_windows_of_any_usual_length_odd_ones_too(name, window):
    model = make_model(name, channels=3, window_samples=window, classes=4).eval()
    assert model(torch.randn(2, 3, window)).shape == (2, 4)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(("channels", "classes"), [(8, 10), (2, 6)])
def test_every_model_stays_under_100_k_parameters(name, channels, classes):
    model = make_model(name, channels=channels, window_samples=200, classes=classes)
    assert count_parameters(model) < 100_000


# `lda` counts its fixed features too: test_lda.py knows them
@pytest.mark.parametrize("name", sorted(MODELS.keys() - {"lda"}))
def test_the_figures_in_the_docstring_are_those_of_the_model(name):
    figures = FIGURES.findall(MODELS[name].__doc__ or "")
    assert (8, 200, 10) in {tuple(map(int, shape)) for *shape, _, _ in figures}
    for channels, window, classes, parameters, macs in figures:
        model = make_model(
            name, channels=int(channels), window_samples=int(window), classes=int(classes)
        )
        assert count_parameters(model) == int(parameters.replace(",", ""))
        counted = count_macs(model, channels=int(channels), window_samples=int(window))
        decimals = len(macs.partition(".")[2])
        assert f"{counted / 1e6:.{decimals}f}" == macs


def test_the_reference_cnn_is_the_published_one():
    """Conv(8-32, 3), pool, Conv(32-64, 3), pool, linear: counted by hand."""
    by_hand = (8 * 3 + 1) * 32 + (32 * 3 + 1) * 64 + (64 * 25 + 1) * 10
    model = make_model("simple-cnn", channels=8, window_samples=100, classes=10)
    assert count_parameters(model) == by_hand
    assert f"the published shape: {by_hand:,} parameters" in (MODELS["simple-cnn"].__doc__ or "")


def test_the_reference_transformer_is_the_published_one():
    """It has the parameters of torch's own layers with the published sizes."""
    layer = torch.nn.TransformerEncoderLayer(64, 2, 128, batch_first=True)
    published = torch.nn.ModuleList(
        [torch.nn.Linear(8, 64), torch.nn.TransformerEncoder(layer, 2), torch.nn.Linear(64, 10)]
    )
    model = make_model("simple-transformer", channels=8, window_samples=100, classes=10)
    assert count_parameters(model) == count_parameters(published)


def test_multiply_accumulates_are_counted_as_by_hand():
    model = make_model("simple-cnn", channels=8, window_samples=100, classes=10)
    by_hand = 8 * 3 * 32 * 100 + 32 * 3 * 64 * 50 + 64 * 25 * 10
    assert count_macs(model, channels=8, window_samples=100) == by_hand


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ModelError, match=r"unknown model 'resnet'.*cnn.*transformer"):
        make_model("resnet", channels=8, window_samples=100, classes=10)


# one sample is a token of `simple-transformer`: no window is too short for it
@pytest.mark.parametrize("name", sorted(MODELS.keys() - {"simple-transformer"}))
def test_a_window_too_short_for_the_model_is_an_error_that_says_so(name):
    with pytest.raises(ModelError, match="windows of 3 samples"):
        make_model(name, channels=8, window_samples=3, classes=10)
