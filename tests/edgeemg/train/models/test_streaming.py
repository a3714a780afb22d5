"""Hop by hop, a model says what it says of whole windows."""

import pytest
import torch

from edgeemg.errors import ModelError
from edgeemg.train.models import MODELS, make_model
from edgeemg.train.models.streaming import Streamable, Window, newest

STREAMING = sorted(
    name
    for name in MODELS
    if isinstance(make_model(name, channels=2, window_samples=200, classes=3), Streamable)
)


def settled(name, *, channels=2, window=200):
    """With norms that have seen something, so that they are no identity."""
    torch.manual_seed(3)
    model = make_model(name, channels=channels, window_samples=window, classes=6).train()
    with torch.no_grad():
        for _ in range(3):
            model(2 * torch.randn(16, channels, window) + 1)
    return model.eval()


def test_these_families_stream():
    assert STREAMING == ["causal-cnn", "tcn", "transformer"]


@pytest.mark.parametrize("name", STREAMING)
@pytest.mark.parametrize(
    ("channels", "window", "hop"), [(2, 200, 25), (8, 200, 25), (1, 200, 50), (3, 100, 5)]
)
@torch.no_grad()
def test_every_hop_gives_the_logits_of_the_window_that_ends_with_it(name, channels, window, hop):
    model = settled(name, channels=channels, window=window)
    stream = model.stream(hop).eval()
    samples = torch.randn(1, channels, 3 * window)
    state = stream.zeros()
    for end in range(hop, samples.shape[-1] + 1, hop):
        logits, *state = stream(samples[..., end - hop : end], *state)
        if end >= window:
            whole = model(samples[..., end - window : end])
            torch.testing.assert_close(logits, whole, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", STREAMING)
@torch.no_grad()
def test_what_a_state_started_from_is_gone_after_one_window(name):
    stream = settled(name).stream(25).eval()
    samples = torch.randn(1, 2, 200)
    answers = []
    for state in (stream.zeros(), [torch.randn(one.shape) for one in stream.zeros()]):
        for end in range(25, 201, 25):
            logits, *state = stream(samples[..., end - 25 : end], *state)  # noqa: PLW2901  # goes on
        answers.append(logits)
    torch.testing.assert_close(*answers, atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", STREAMING)
def test_states_have_names_of_their_own_and_the_shapes_that_forward_gives(name):
    stream = settled(name).stream(25).eval()
    names = [one.name for one in stream.state]
    assert len(set(names)) == len(names) > 0
    _, *following = stream(torch.zeros(1, 2, 25), *stream.zeros())
    assert [tuple(one.shape) for one in following] == [one.shape for one in stream.state]


@pytest.mark.parametrize("name", STREAMING)
def test_a_hop_costs_a_fraction_of_the_window(name):
    from edgeemg.train.models import count_macs

    model = settled(name, channels=8)
    share = model.stream(25).macs() / count_macs(model, channels=8, window_samples=200)
    assert share < {"tcn": 0.16, "causal-cnn": 0.2, "transformer": 0.3}[name]


@pytest.mark.parametrize("name", STREAMING)
@pytest.mark.parametrize("hop", [24, 30, 7])
def test_a_hop_that_does_not_fit_is_refused_with_the_remedy(name, hop):
    model = settled(name)
    with pytest.raises(ModelError, match=rf"window of 200, got {hop}: .*--hop-ms"):
        model.stream(hop)


# the longest hop that does not make more steps than the mean, as docs/streaming.md has it
LONGEST = {
    ("tcn", 50): 20,
    ("tcn", 100): 50,
    ("tcn", 150): 60,
    ("tcn", 200): 110,
    ("tcn", 400): 230,
    ("causal-cnn", 50): 15,
    ("causal-cnn", 100): 30,
    ("causal-cnn", 150): 80,
    ("causal-cnn", 200): 130,
    ("causal-cnn", 400): 330,
    ("transformer", 50): 15,
    ("transformer", 100): 40,
    ("transformer", 150): 60,
    ("transformer", 200): 100,
    ("transformer", 400): 300,
}


@pytest.mark.parametrize(("name", "window"), LONGEST)
@torch.no_grad()
def test_a_hop_of_more_steps_than_the_mean_is_refused_and_others_are_exact(name, window):
    model, longest = settled(name, window=window), LONGEST[name, window]
    wanted = rf"hops of at most {longest} samples .*shorter --hop-ms or a longer --window-ms"
    for hop in (window, window // 2):
        if hop > longest:
            with pytest.raises(ModelError, match=wanted):
                model.stream(hop)
            continue
        stream = model.stream(hop).eval()
        samples, state = torch.randn(1, 2, window), stream.zeros()
        for start in range(0, window, hop):
            logits, *state = stream(samples[..., start : start + hop], *state)
        torch.testing.assert_close(logits, model(samples), atol=1e-5, rtol=0)


def test_a_window_has_no_past():
    x = torch.randn(1, 2, 5)
    assert Window().join("any", x, 3) is x


def test_the_newest_steps_are_the_last_ones_and_all_are_all():
    x = torch.arange(10.0).reshape(1, 2, 5)
    assert newest(x, 5) is x
    assert newest(x, 2).tolist() == [[[3, 4], [8, 9]]]
    assert newest(x, 1, dim=1).tolist() == [[[5, 6, 7, 8, 9]]]
