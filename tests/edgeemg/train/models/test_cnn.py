"""`cnn` looks at the whole of its window, however long that is."""

import pytest
import torch

from edgeemg.train.models import make_model

USUAL = 200  # samples


def cnn(window):
    torch.manual_seed(0)
    return make_model("cnn", channels=2, window_samples=window, classes=4).eval()


def influence(model, window):
    """(time,): how much the logits of random windows follow each sample."""
    x = torch.randn(64, 2, window, requires_grad=True)
    model(x).pow(2).sum().backward()
    return x.grad.abs().sum((0, 1))


@pytest.mark.parametrize("window", [20, 47, 64, 99, *range(100, 501, 9), 125, 188, 199, 333, 500])
def test_every_sample_of_a_window_counts(window):
    seen = influence(cnn(window), window)
    assert (seen > 0).all()
    thirds = [float(one.sum() / seen.sum()) for one in seen.tensor_split(3)]
    assert min(thirds) > 0.2, thirds


@pytest.mark.parametrize("window", [101, 150, 188, 199])
def test_a_window_of_another_length_is_not_a_network_of_another_size(window):
    """Its filters are those of the usual window: its weights fit, and what lacks is zeros."""
    usual, ours = cnn(USUAL), cnn(window)
    ours.load_state_dict(usual.state_dict())
    assert ours(torch.randn(1, 2, window)).shape == (1, 4)


def test_a_window_that_lacks_less_than_a_step_is_the_longer_one_with_zeros_before_it():
    usual, ours = cnn(USUAL), cnn(188)
    ours.load_state_dict(usual.state_dict())
    x = torch.randn(3, 2, 188)
    with torch.no_grad():
        padded = usual(torch.nn.functional.pad(x, (12, 0)))
        torch.testing.assert_close(ours(x), padded)


def test_the_network_of_the_usual_window_is_what_it_was():
    """Its steps, as torch's own layers: by hand, and without anything that fills."""
    model = cnn(USUAL)
    one, two, three = (model.blocks[n] for n in (1, 3, 5))

    def steps(x, length):
        batch, channels, time = x.shape
        x = x.reshape(batch, channels, time // length, length)
        return x.permute(0, 3, 1, 2).reshape(batch, length * channels, time // length)

    x = torch.randn(3, 2, USUAL)
    with torch.no_grad():
        wanted = model.head(three(steps(two(steps(one(steps(x, 2)), 5)), 5)).mean(dim=-1))
        torch.testing.assert_close(model(x), wanted)
