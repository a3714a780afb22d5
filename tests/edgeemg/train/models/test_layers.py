"""The shared pieces compute what they say."""

import pytest
import torch

from edgeemg.train.models.layers import EncoderLayer, Steps, conv_block, filled


@pytest.mark.parametrize(("pool", "steps"), [(1, 101), (2, 50), (4, 25)])
def test_a_block_keeps_the_length_and_then_pools_it(pool, steps):
    assert conv_block(3, 5, 7, pool=pool)(torch.randn(2, 3, 101)).shape == (2, 5, steps)


def test_a_step_holds_the_channels_of_its_samples_one_sample_after_the_other():
    x = torch.arange(2 * 3 * 7).reshape(2, 3, 7)
    steps = Steps(2)(x)
    assert steps.shape == (2, 6, 4)
    assert steps[1, :, 0].tolist() == [0, 0, 0, *x[1, :, 0].tolist()]  # one was lacking
    assert steps[1, :, 1].tolist() == [*x[1, :, 1].tolist(), *x[1, :, 2].tolist()]
    assert steps[1, :, 3].tolist() == [*x[1, :, 5].tolist(), *x[1, :, 6].tolist()]


def test_only_what_lacks_is_filled_and_only_before_the_oldest():
    x = torch.ones(1, 2, 6)
    assert filled(x, 3) is x
    assert filled(x, 4)[0, 0].tolist() == [0, 0, 1, 1, 1, 1, 1, 1]


def test_steps_over_pictures_are_those_over_channels_and_time():
    x = torch.randn(2, 3, 20)
    torch.testing.assert_close(Steps(5)(x.unsqueeze(2)).squeeze(2), Steps(5)(x))


def test_our_encoder_layer_computes_what_torchs_does():
    theirs = torch.nn.TransformerEncoderLayer(64, 2, 128, batch_first=True).eval()
    ours = EncoderLayer(64, 2, 128, norm_first=False).eval()
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
