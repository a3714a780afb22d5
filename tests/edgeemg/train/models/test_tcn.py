"""A window's steps are those of the endless stream, and reach as far back as stated."""

import re

import pytest
import torch

from edgeemg.train.models.tcn import Tcn


@pytest.fixture
def tcn():
    """With norms that have seen something, so that they are no identity."""
    torch.manual_seed(3)
    model = Tcn(2, 200, 6).train()
    with torch.no_grad():
        for _ in range(3):
            model(2 * torch.randn(16, 2, 200) + 1)
    return model.eval()


@pytest.mark.parametrize("hops", [0, 1, 7])
def test_the_steps_of_a_window_are_a_slice_of_those_of_the_stream(tcn, hops):
    stream = torch.randn(1, 2, 600)
    first = 25 * hops
    with torch.no_grad():
        of_stream = tcn.steps(stream)
        of_window = tcn.steps(stream[..., first : first + 200])
    same = of_stream[..., first // 5 : first // 5 + of_window.shape[-1]]
    torch.testing.assert_close(of_window, same, atol=1e-5, rtol=1e-5)


def test_the_newest_sample_reaches_the_last_step_and_no_other(tcn):
    x = torch.randn(8, 2, 200)
    later = x.clone()
    later[..., -1] += 10
    with torch.no_grad():
        moved = (tcn.steps(x) - tcn.steps(later)).abs().amax(dim=(0, 1))  # (step,)
    assert moved[-1] > 0
    assert (moved[:-1] == 0).all()


def test_the_receptive_field_is_that_of_the_docstring(tcn):
    (stated,) = re.findall(r"one step then: (\d+) samples", Tcn.__doc__)
    x = torch.randn(256, 2, 200, requires_grad=True)
    tcn.steps(x)[..., -1].sum().backward()
    (reached,) = x.grad.abs().amax(dim=(0, 1)).nonzero(as_tuple=True)
    assert (int(reached[0]), int(reached[-1])) == (200 - int(stated), 199)


@pytest.mark.parametrize(
    ("window", "dilations"),
    [(30, []), (50, [1]), (100, [1, 2]), (200, [1, 2, 4]), (500, [1, 2, 4, 8, 16])],
)
def test_there_are_as_many_blocks_as_the_window_has_room_for(window, dilations):
    blocks = Tcn(2, window, 6).blocks
    assert [block.convolution[0].dilation[0] for block in blocks] == dilations


def test_a_block_that_has_learned_nothing_passes_the_newest_steps_on():
    block = Tcn(2, 200, 6).eval().blocks[2]
    torch.nn.init.zeros_(block.convolution[0].weight)
    x = torch.rand(1, 56, 30)
    with torch.no_grad():
        assert torch.equal(block(x, x), x[..., 8:])
