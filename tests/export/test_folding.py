"""Batch normalisation goes into the products beside it, and nothing changes."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from edgeemg.errors import ModelError
from edgeemg.train.models import MODELS, make_model
from edgeemg_export.folding import folded

X = torch.zeros(1, 3, 120)


def settled(model):
    """The model after some batches, so that its norms have something to say."""
    model.train()
    with torch.no_grad():
        for _ in range(5):
            model(5 * torch.randn(16, 3, 120) + 2)
    return model.eval()


class Norms(nn.Module):
    """A module of its own, with norms behind a convolution, behind a linear layer, and before."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv1d(3, 8, 5, bias=False)
        self.norm = nn.BatchNorm1d(8)
        self.pre_norm = nn.Sequential(nn.BatchNorm1d(8), nn.Conv1d(8, 6, 1))
        self.mix = nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4))

    def forward(self, x):
        x = F.relu(self.norm(self.stem(x)))
        x = x[:, :6] + self.pre_norm(x)
        return self.mix(x.mean(dim=-1))


@pytest.fixture(autouse=True)
def seed():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


@pytest.mark.parametrize("name", [*MODELS, "norms"])
def test_no_batch_normalisation_is_left_and_the_answers_are_the_same(name):
    shape = {"channels": 3, "window_samples": 120, "classes": 4}
    model = settled(Norms() if name == "norms" else make_model(name, **shape))
    without = folded(model, X)
    assert not any(isinstance(module, nn.BatchNorm1d) for module in without.modules())
    x = torch.randn(8, 3, 120)
    with torch.no_grad():
        torch.testing.assert_close(without(x), model(x), atol=1e-5, rtol=1e-4)


class PictureNorms(nn.Module):
    """Norms behind a convolution over pictures, and before one that looks at one place."""

    def __init__(self):
        super().__init__()
        self.over_time = nn.Sequential(nn.Conv2d(1, 8, (1, 5)), nn.BatchNorm2d(8), nn.ReLU())
        self.mix = nn.Sequential(nn.BatchNorm2d(8), nn.Conv2d(8, 4, 1))

    def forward(self, x):
        return self.mix(self.over_time(x.unsqueeze(1))).mean((2, 3))


def test_norms_over_pictures_are_folded_too():
    model = settled(PictureNorms())
    without = folded(model, X)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in without.modules())
    x = torch.randn(8, 3, 120)
    with torch.no_grad():
        torch.testing.assert_close(without(x), model(x), atol=1e-5, rtol=1e-4)


def test_a_norm_before_a_picture_convolution_that_pads_is_not_folded():
    layers = [nn.Unflatten(1, (1, 3)), nn.BatchNorm2d(1), nn.Conv2d(1, 8, (3, 1), padding=(1, 0))]
    with pytest.raises(ModelError, match="cannot be folded: 1"):
        folded(settled(nn.Sequential(*layers)), X)


def test_the_original_keeps_its_norms_and_its_mode():
    model = make_model("cnn", channels=3, window_samples=120, classes=4).train()
    folded(model, X)
    assert any(isinstance(module, nn.BatchNorm1d) for module in model.modules())
    assert model.training


@pytest.mark.parametrize(
    "layers",
    [
        [nn.Conv1d(3, 8, 3), nn.ReLU(), nn.BatchNorm1d(8), nn.ReLU()],
        [nn.BatchNorm1d(3), nn.Conv1d(3, 8, 3, padding=1)],  # the padding is not normalised
    ],
)
def test_a_norm_that_cannot_be_folded_is_named(layers):
    with pytest.raises(ModelError, match=r"cannot be folded: [02]"):
        folded(settled(nn.Sequential(*layers)), X)


@pytest.mark.parametrize(
    ("layers", "name"),
    [
        ([nn.Unflatten(1, (1, 3)), nn.BatchNorm2d(1), nn.Linear(120, 4)], "1"),
        ([nn.Conv1d(3, 8, 3), nn.ReLU(), nn.BatchNorm1d(8), nn.Linear(118, 4)], "2"),
        ([nn.Conv1d(3, 120, 1), nn.ReLU(), nn.BatchNorm1d(120), nn.Linear(120, 4)], "2"),
        ([nn.Linear(120, 4), nn.BatchNorm1d(3)], "1"),
        ([nn.Linear(120, 3), nn.BatchNorm1d(3)], "1"),
    ],
)
def test_a_norm_beside_a_linear_layer_over_another_axis_is_named(layers, name):
    with pytest.raises(ModelError, match=f"cannot be folded: {name}"):
        folded(settled(nn.Sequential(*layers)), X)


class Shared(nn.Module):
    """A convolution whose output goes around its norm too."""

    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv1d(3, 8, 3)
        self.norm = nn.BatchNorm1d(8)

    def forward(self, x):
        x = self.convolution(x)
        return x + self.norm(x)


def test_a_convolution_that_feeds_more_than_its_norm_is_refused():
    with pytest.raises(ModelError, match="changes the answers"):
        folded(settled(Shared()), X)
