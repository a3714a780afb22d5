"""Networks over pictures give the logits of the networks that they were made from."""

import pytest
import torch
from torch import nn

from edgeemg.train.models import MODELS, make_model
from edgeemg_export.folding import folded
from edgeemg_export.pictures import pictures, stream_pictures, tails


def ready(name):
    """As it is exported: its norms folded."""
    torch.manual_seed(0)
    model = make_model(name, channels=3, window_samples=200, classes=4)
    return folded(model, torch.zeros(1, 3, 200))


@pytest.mark.parametrize("name", MODELS)
def test_every_family_says_the_same_over_pictures(name):
    model = ready(name)
    x = torch.randn(1, 3, 200)
    with torch.no_grad():
        torch.testing.assert_close(pictures(model, x)(x), model(x), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", ["cnn", "tcn", "causal-cnn"])
def test_no_convolution_over_time_alone_is_left(name):
    model = ready(name)
    over = pictures(model, torch.zeros(1, 3, 200))
    assert not any(isinstance(one, nn.Conv1d | nn.MaxPool1d) for one in over.modules())
    assert any(isinstance(one, nn.Conv1d) for one in model.modules())  # the model is as it was


@pytest.mark.parametrize("name", ["tcn", "causal-cnn", "transformer"])
@torch.no_grad()
def test_a_stream_over_pictures_says_the_same_hop_after_hop(name):
    stream = ready(name).stream(25).eval()
    hop = torch.zeros(1, 3, 25)
    over, ours = stream_pictures(stream, hop)
    theirs = stream.zeros()
    for _ in range(10):
        x = torch.randn(1, 3, 25)
        given, *joined = over(x, *ours)
        ours = tails(joined, ours)
        wanted, *theirs = stream(x, *theirs)
        torch.testing.assert_close(given, wanted, atol=1e-4, rtol=1e-4)
