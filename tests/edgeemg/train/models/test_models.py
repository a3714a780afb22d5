"""Every family: shapes, size, and that it answers for any shape a user may bring."""

import pytest
import torch

from edgeemg.errors import ModelError
from edgeemg.train.models import MODELS, count_macs, count_parameters, make_model


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    ("channels", "window", "classes"), [(8, 100, 10), (8, 200, 10), (2, 150, 3), (1, 64, 2)]
)
def test_every_model_gives_one_logit_a_class_for_any_shape(name, channels, window, classes):
    model = make_model(name, channels=channels, window_samples=window, classes=classes).eval()
    assert model(torch.randn(3, channels, window)).shape == (3, classes)


@pytest.mark.parametrize("name", MODELS)
def test_every_model_stays_under_100_k_parameters(name):
    assert count_parameters(make_model(name, channels=8, window_samples=200, classes=10)) < 100_000


@pytest.mark.parametrize(
    ("name", "window", "parameters"),
    [
        ("cnn", 200, 41_770),
        ("transformer", 200, 57_194),
        ("simple-cnn", 100, 23_018),
        ("simple-transformer", 100, 68_170),
    ],
)
def test_the_parameters_are_those_of_the_docstring(name, window, parameters):
    model = make_model(name, channels=8, window_samples=window, classes=10)
    assert count_parameters(model) == parameters
    assert f"{parameters:,} parameters" in (MODELS[name].__doc__ or "")


def test_the_reference_cnn_is_the_published_one():
    """Conv(8-32, 3), pool, Conv(32-64, 3), pool, linear: counted by hand."""
    by_hand = (8 * 3 + 1) * 32 + (32 * 3 + 1) * 64 + (64 * 25 + 1) * 10
    model = make_model("simple-cnn", channels=8, window_samples=100, classes=10)
    assert count_parameters(model) == by_hand


def test_the_reference_transformer_is_the_published_one():
    """It has the parameters of torch's own layers with the published sizes."""
    layer = torch.nn.TransformerEncoderLayer(64, 2, 128, batch_first=True)
    published = torch.nn.ModuleList(
        [torch.nn.Linear(8, 64), torch.nn.TransformerEncoder(layer, 2), torch.nn.Linear(64, 10)]
    )
    model = make_model("simple-transformer", channels=8, window_samples=100, classes=10)
    assert count_parameters(model) == count_parameters(published)


def test_our_encoder_layer_computes_what_torchs_does():
    from edgeemg.train.models.transformer import _EncoderLayer

    theirs = torch.nn.TransformerEncoderLayer(64, 2, 128, batch_first=True).eval()
    ours = _EncoderLayer(64, 2, 128, norm_first=False).eval()
    with torch.no_grad():
        ours.queries_keys_values.weight.copy_(theirs.self_attn.in_proj_weight)
        ours.queries_keys_values.bias.copy_(theirs.self_attn.in_proj_bias)
    pairs = [
        (ours.mix, theirs.self_attn.out_proj),
        (ours.feed_forward[0], theirs.linear1),
        (ours.feed_forward[3], theirs.linear2),
        (ours.norm_attention, theirs.norm1),
        (ours.norm_feed_forward, theirs.norm2),
    ]
    for one, two in pairs:
        one.load_state_dict(two.state_dict())
    x = torch.randn(2, 30, 64)
    with torch.no_grad():
        torch.testing.assert_close(ours(x), theirs(x), atol=1e-5, rtol=1e-4)


def test_multiply_accumulates_are_counted_as_by_hand():
    model = make_model("simple-cnn", channels=8, window_samples=100, classes=10)
    by_hand = 8 * 3 * 32 * 100 + 32 * 3 * 64 * 50 + 64 * 25 * 10
    assert count_macs(model, channels=8, window_samples=100) == by_hand


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ModelError, match=r"unknown model 'resnet'.*cnn.*transformer"):
        make_model("resnet", channels=8, window_samples=100, classes=10)


@pytest.mark.parametrize("name", ["cnn", "transformer", "simple-cnn"])
def test_a_window_too_short_for_the_model_is_an_error_that_says_so(name):
    with pytest.raises(ModelError, match="windows of 3 samples"):
        make_model(name, channels=8, window_samples=3, classes=10)
