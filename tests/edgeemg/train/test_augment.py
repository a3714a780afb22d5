"""What is varied, and what is left as it was."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from edgeemg.train.augment import augmented, mixing
from edgeemg.train.settings import Augmentation

OFF = Augmentation(gain=0, time_shift=0, noise=0, channel_dropout=0, mixup=0)


def inputs(seed=0, batch=64, channels=3, time=50):
    return torch.from_numpy(
        np.random.default_rng(seed).standard_normal((batch, channels, time)).astype("f4")
    )


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def only(**strength):
    from dataclasses import replace

    return replace(OFF, **strength)


def test_everything_off_changes_nothing():
    x = inputs()
    assert torch.equal(augmented(x, OFF, generator()), x)


def test_a_gain_is_one_factor_for_a_channel_of_a_window():
    x = inputs()
    factor = augmented(x, only(gain=0.3), generator()) / x
    torch.testing.assert_close(factor, factor[..., :1].expand_as(factor), rtol=1e-4, atol=1e-4)
    assert float(factor[..., 0].std()) == pytest.approx(0.3, rel=0.2)


@given(st.integers(0, 1000))
def test_a_shift_moves_all_channels_together_and_repeats_the_edge(seed):
    x = torch.arange(40.0).repeat(8, 2, 1)
    shifted = augmented(x, only(time_shift=0.1), generator(seed))
    for window in shifted:
        assert torch.equal(window[0], window[1])
        by = int(window[0, 20]) - 20
        assert -4 <= by <= 4
        assert torch.equal(window[0], (torch.arange(40.0) + by).clamp(0, 39))


def test_a_dropped_channel_is_silent_and_the_rest_is_whole():
    x = inputs(batch=400)
    dropped = augmented(x, only(channel_dropout=0.25), generator())
    silent = (dropped == 0).all(dim=2)
    assert float(silent.float().mean()) == pytest.approx(0.25, abs=0.04)
    assert torch.equal(dropped[~silent], x[~silent])


def test_noise_has_the_strength_that_was_asked_for():
    x = inputs(batch=400)
    noise = augmented(x, only(noise=0.2), generator()) - x
    assert float(noise.std()) == pytest.approx(0.2, rel=0.02)


def test_the_same_generator_state_gives_the_same_batch():
    x = inputs()
    every = Augmentation(gain=0.2, time_shift=0.1, noise=0.1, channel_dropout=0.2)
    assert torch.equal(augmented(x, every, generator(3)), augmented(x, every, generator(3)))


def test_mixing_pairs_each_window_once_and_shares_lie_between_0_and_1():
    draws = np.random.default_rng(0)
    other, share = mixing(20, 0.3, generator(), draws)
    assert sorted(other.tolist()) == list(range(20))
    assert 0 <= share <= 1
