"""Batch normalisation goes into the convolutions, and nothing changes."""

import pytest
import torch
from torch import nn

from edgeemg.train.models import MODELS, make_model
from edgeemg_export.folding import folded


@pytest.mark.parametrize("name", MODELS)
def test_no_batch_normalisation_is_left_and_the_answers_are_the_same(name):
    torch.manual_seed(0)
    model = make_model(name, channels=3, window_samples=120, classes=4)
    model.train()
    with torch.no_grad():
        for _ in range(5):
            model(5 * torch.randn(16, 3, 120) + 2)  # so that the norms have something to say
    model.eval()
    without = folded(model)
    assert not any(isinstance(module, nn.BatchNorm1d) for module in without.modules())
    x = torch.randn(8, 3, 120)
    with torch.no_grad():
        torch.testing.assert_close(without(x), model(x), atol=1e-5, rtol=1e-4)


def test_the_original_keeps_its_norms():
    model = make_model("cnn", channels=3, window_samples=120, classes=4)
    folded(model)
    assert any(isinstance(module, nn.BatchNorm1d) for module in model.modules())
