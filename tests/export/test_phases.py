"""Convolutions over blocks of samples: the same function, fewer zeros for integer kernels."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from edgeemg.train.models import make_model
from edgeemg_export.folding import folded
from edgeemg_export.phases import Phased, phased
from edgeemg_export.pictures import pictures


@settings(max_examples=60, deadline=None)
@given(
    channels=st.integers(1, 9),
    outputs=st.integers(1, 5),
    taps=st.integers(1, 12),
    padding=st.integers(0, 5),
    length=st.integers(12, 60),
    bias=st.booleans(),
)
def test_the_outputs_are_those_of_the_convolution(channels, outputs, taps, padding, length, bias):
    torch.manual_seed(0)
    one = nn.Conv2d(channels, outputs, (1, taps), padding=(0, padding), bias=bias)
    x = torch.randn(1, channels, 1, length)
    ours = phased(nn.Sequential(one), x)
    torch.testing.assert_close(ours(x), one(x), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("family", ["cnn", "causal-cnn", "tcn", "transformer", "hybrid"])
def test_only_the_first_convolution_of_a_network_changes(family):
    x = torch.randn(1, 2, 200)
    model = folded(make_model(family, channels=2, window_samples=200, classes=6), x)
    ours = phased(pictures(model, x), x)
    torch.testing.assert_close(ours(x), model(x), atol=1e-5, rtol=1e-5)
    changed = [one for one in ours.modules() if isinstance(one, Phased)]
    assert len(changed) == 1
    assert changed[0].convolution.in_channels % 8 in (0, 2)  # nearly whole groups of eight


def test_a_convolution_that_steps_or_is_grouped_stays_as_it_is():
    for options in ({"stride": (1, 2)}, {"dilation": (1, 2)}, {"groups": 2}):
        one = nn.Sequential(nn.Conv2d(2, 4, (1, 3), **options))
        assert isinstance(phased(one, torch.zeros(1, 2, 1, 20))[0], nn.Conv2d)


def test_many_channels_are_left_alone():
    one = nn.Sequential(nn.Conv2d(32, 4, (1, 3)))
    assert isinstance(phased(one, torch.zeros(1, 32, 1, 20))[0], nn.Conv2d)


def test_a_convolution_over_pictures_of_several_rows_stays_as_it_is():
    network = nn.Sequential(nn.Conv2d(2, 4, (1, 3)), nn.Conv2d(4, 2, (14, 1)))
    x = torch.randn(1, 2, 14, 20)
    ours = phased(network, x)
    assert isinstance(ours[0], nn.Conv2d)
    torch.testing.assert_close(ours(x), network(x), atol=0, rtol=0)


def test_the_network_that_is_given_stays_as_it_was():
    one = nn.Sequential(nn.Conv2d(2, 4, (1, 3)))
    phased(one, torch.zeros(1, 2, 1, 20))
    assert isinstance(one[0], nn.Conv2d)


def test_a_window_and_its_stream_get_the_same_blocks():
    one = nn.Sequential(nn.Conv2d(4, 3, (1, 11)))
    window = phased(one, torch.zeros(1, 4, 1, 200), dividing=25)
    stream = phased(one, torch.zeros(1, 4, 1, 35), dividing=25)
    assert isinstance(window[0], Phased)
    torch.testing.assert_close(
        window[0].convolution.weight, stream[0].convolution.weight, atol=0, rtol=0
    )
