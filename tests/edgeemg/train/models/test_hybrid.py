"""Few tokens, and each hears the whole window."""

import re

import torch

from edgeemg.train.models import count_macs, make_model
from edgeemg.train.models.hybrid import Hybrid


def test_there_are_as_many_tokens_as_the_docstring_says():
    (stated,) = re.findall(r"(\d+) tokens for 200 samples", Hybrid.__doc__)
    assert Hybrid(8, 200, 10).position.shape[1] == int(stated)


def test_multiply_accumulates_are_counted_as_by_hand():
    stem = 8 * 32 * 9 * 200 + 32 * 48 * 7 * 50 + 48 * 64 * 5 * 50
    attention = 25 * 64 * (3 * 64 + 64) + 2 * 25 * 25 * 64
    feed_forward = 2 * 25 * 64 * 128
    model = make_model("hybrid", channels=8, window_samples=200, classes=10)
    by_hand = stem + attention + feed_forward + 64 * 10
    assert count_macs(model, channels=8, window_samples=200) == by_hand


def test_every_token_hears_the_whole_window():
    model = Hybrid(2, 200, 6).eval()
    tokens = torch.randn(1, 25, 64, requires_grad=True)
    model.encoder(tokens)[0, -1].sum().backward()
    assert (tokens.grad.abs().amax(dim=-1) > 0).all()
