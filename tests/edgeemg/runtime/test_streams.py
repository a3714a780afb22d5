"""A stream's state: kept by whoever follows it, started anew by a window."""

import numpy as np
import pytest

from edgeemg.runtime.streams import Follower, advance


class Sum:
    """A model whose window is three hops: it gives the sum of the last three, each a sample."""

    hop_samples = 1
    state_sizes = (2,)

    def start(self):
        return (np.zeros(2, np.float32),)

    def step(self, model_input, state):
        (last,) = state
        new = model_input[0, 0]
        return np.array([last.sum() + new[0]], np.float32), (np.append(last[1:], new),)


def hops(*values):
    return np.array([[values]], np.float32)


def test_a_window_goes_in_hop_by_hop():
    steps = Sum()
    logits, (state,) = advance(steps, hops(1, 2, 4), steps.start())
    assert logits.tolist() == [7]
    assert state.tolist() == [2, 4]


def test_what_is_no_whole_number_of_hops_is_refused():
    steps = Sum()
    steps.hop_samples = 2
    for length in (0, 3):
        with pytest.raises(ValueError, match=f"hops of 2 samples, got {length}"):
            advance(steps, np.zeros((1, 1, length), np.float32), steps.start())


def test_a_model_of_windows_is_given_what_it_was_given():
    class Windowed(Sum):
        hop_samples = 3

        def step(self, model_input, state):
            return np.array([model_input.shape[-1]], np.float32), state

    assert advance(Windowed(), hops(1, 2, 4, 8, 16, 32), ())[0].tolist() == [6]  # for it to refuse


def test_a_follower_goes_on_with_a_hop_and_starts_anew_with_a_window():
    follower = Follower(Sum(), name="sum", precision="float32")
    assert follower.logits(hops(1, 2, 4)).tolist() == [7]
    assert follower.logits(hops(8)).tolist() == [14]
    assert follower.logits(hops(100, 100, 100)).tolist() == [300]
    assert follower.logits(hops(1)).tolist() == [201]
    assert (follower.name, follower.precision) == ("sum", "float32")
