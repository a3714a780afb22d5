"""Convolutions over blocks of samples: the same function, fewer zeros for integer kernels."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from edgeemg.runtime.engine_tflite import TfliteEngine
from edgeemg.train.models import make_model
from edgeemg.train.models.streaming import Streamable
from edgeemg_export.folding import folded
from edgeemg_export.phases import Phased, phased
from edgeemg_export.pictures import pictures
from edgeemg_export.stream_file import write_stream_tflite


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


@pytest.mark.parametrize(
    "options", [{"padding": (1, 4)}, {"padding": (0, 4), "padding_mode": "circular"}]
)
def test_padding_that_is_not_zeros_along_time_stays_as_it_is(options):
    one = nn.Conv2d(2, 4, (1, 9), **options)
    x = torch.randn(1, 2, 1, 40)
    ours = phased(nn.Sequential(one), x)
    assert isinstance(ours[0], nn.Conv2d)
    torch.testing.assert_close(ours(x), one(x), atol=0, rtol=0)


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


@pytest.mark.parametrize(("channels", "changes"), [(1, True), (2, True), (3, False), (8, False)])
def test_a_float_convolution_goes_over_blocks_where_a_tap_is_short(channels, changes):
    one = nn.Sequential(nn.Conv2d(channels, 4, (1, 11)))
    hop = torch.randn(1, channels, 1, 35)
    ours = phased(one, hop, dividing=25, floats=True)
    assert isinstance(ours[0], Phased) == changes
    torch.testing.assert_close(ours(hop), one(hop), atol=1e-5, rtol=1e-5)


@pytest.mark.slow
def test_a_float_stem_over_blocks_gives_the_same_bits(tmp_path: Path) -> None:
    """So a stream whose stem is over blocks rounds as its window does, whose stem is not."""
    model = make_model("tcn", channels=2, window_samples=100, classes=3)
    hop = np.zeros((1, 2, 25), np.float32)
    network = folded(model, torch.zeros(1, 2, 100))
    assert isinstance(network, Streamable)
    stream, engines = network.stream(25).eval(), []
    for floats, dividing in ((False, 1), (True, 25)):
        path = tmp_path / f"{dividing}.tflite"
        write_stream_tflite(stream, hop, path, dividing=dividing, floats=floats)
        engines.append(TfliteEngine(path, "float32"))
    sizes = [(tmp_path / f"{one}.tflite").stat().st_size for one in (1, 25)]
    assert sizes[1] > sizes[0]  # its weights hold zeros: it is over blocks
    states = [one.start() for one in engines]
    rng = np.random.default_rng(0)
    for _ in range(200):
        new = rng.normal(0, 2, hop.shape).astype(np.float32)
        (plain, first), (ours, second) = (
            one.step(new, state) for one, state in zip(engines, states, strict=True)
        )
        states = [first, second]
        assert np.array_equal(plain, ours)
