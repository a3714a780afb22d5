"""A network over pictures in, the same with its few-channel convolutions over blocks of samples.

The integer kernels of XNNPACK take input channels by eight and fill up what is missing, for every
tap anew: a sensor with two channels pays four times. A convolution of stride one over single
samples is, exactly, one over blocks of `phases` samples that gives `phases` outputs a block (the
polyphase form, Crochiere & Rabiner 1983). A block's samples are channels to it, and neighbours in
memory, so that none is moved. Float kernels start anew for every tap, which two channels do not
pay for either. The sums are the same, in the same order, with zeros behind and before them: a
float kernel that adds one product after the other gives the same bits.
"""

import math
from copy import deepcopy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_MOST_CHANNELS = 32  # of a block: more fills the file with zeros and gains little
_LANES = 8  # input channels that the integer kernels take at once
# Instructions a multiply-accumulate, emulated Cortex-A72: 0.454 where a tap is one group of eight
# channels, 0.285 where it is more; measured on single convolutions (docs/quantisation.md).
_ONE_GROUP, _MORE = 0.454, 0.285
# In multiplications of a channel, from an 11-tap convolution of 2 channels to 32 over a hop of 25
# samples, emulated Cortex-A76: 15.9 k instructions as it is, 12.7 k over blocks of five.
_TAP_IN_FLOAT = 2
_WORTH_IN_FLOAT = 0.9  # of what it was: regrouping costs the rest


def phased(
    model: nn.Module, *examples: Tensor, dividing: int = 0, floats: bool = False
) -> nn.Module:
    """A copy in which each convolution of few input channels works on blocks, where that is less.

    examples  what the network takes, in the shapes that are converted
    dividing  the phases divide this too: the hop, so that a window and its stream get the same
    floats    such convolutions stay float when the file is quantised
    """
    copy = deepcopy(model).eval()
    lengths: dict[nn.Module, int] = {}

    def note(one: nn.Module, args: tuple[Tensor, ...]) -> None:
        *_, rows, length = args[0].shape
        if rows == 1:  # of more, blocks were dearer on two cores of three, in float on all
            lengths[one] = length

    hooks = [
        one.register_forward_pre_hook(note) for one in copy.modules() if isinstance(one, nn.Conv2d)
    ]
    with torch.no_grad():
        copy(*examples)
    for hook in hooks:
        hook.remove()
    for module in list(copy.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.Conv2d) and child in lengths:
                setattr(module, name, _replaced(child, lengths[child], dividing, floats=floats))
    return copy


class Phased(nn.Module):
    """(batch, channel, 1, time) -> (batch, outputs, 1, time + 2 * padding - taps + 1)."""

    def __init__(self, one: nn.Conv2d, phases: int) -> None:
        super().__init__()
        self.phases = phases
        self.padding = int(one.padding[1])
        self.taps = one.kernel_size[1]
        outputs, channels = one.out_channels, one.in_channels
        self.blocks = _blocks(self.taps, phases)
        self.convolution = nn.Conv2d(
            phases * channels, phases * outputs, (1, self.blocks), bias=one.bias is not None
        ).eval()
        weight = torch.zeros(phases, outputs, self.blocks * phases, channels)
        for phase in range(phases):  # outputs of a later phase see later samples
            weight[phase, :, phase : phase + self.taps] = one.weight[:, :, 0].transpose(1, 2)
        shape = (phases * outputs, self.blocks, phases * channels)
        with torch.no_grad():
            self.convolution.weight.copy_(weight.reshape(shape).transpose(1, 2).unsqueeze(2))
            if one.bias is not None and self.convolution.bias is not None:
                self.convolution.bias.copy_(one.bias.repeat(phases))

    def forward(self, x: Tensor) -> Tensor:
        steps = x.shape[-1] + 2 * self.padding - self.taps + 1
        wanted = steps + (self.blocks - 1) * self.phases
        before, after = self.padding, wanted - self.padding - x.shape[-1]
        if before or after:
            x = F.pad(x, (before, after))
        x = self.convolution(_regrouped(x, wanted // self.phases))
        return _regrouped(x, steps)


def _regrouped(x: Tensor, steps: int) -> Tensor:
    """(batch, channel, 1, time) -> (batch, time * channel / steps, 1, steps), in time's order."""
    x = x.permute(0, 2, 3, 1)  # (batch, 1, time, channel)
    return x.reshape(x.shape[0], 1, steps, -1).permute(0, 3, 1, 2)


def _blocks(taps: int, phases: int) -> int:
    """Blocks that hold all samples that the outputs of one block are made of."""
    return -(-(taps - 1) // phases) + 1


def _replaced(one: nn.Conv2d, length: int, dividing: int, *, floats: bool) -> nn.Module:
    steps_by_one = (one.stride, one.dilation, one.groups) == ((1, 1), (1, 1), 1)
    if not steps_by_one or one.kernel_size[0] != 1:
        return one
    if isinstance(one.padding, str) or one.padding[0] != 0 or one.padding_mode != "zeros":
        return one
    taps, channels = one.kernel_size[1], one.in_channels
    steps = math.gcd(length + 2 * int(one.padding[1]) - taps + 1, dividing)
    fitting = [
        phases
        for phases in range(1, _MOST_CHANNELS // channels + 1)
        if steps % phases == 0 and _blocks(taps, phases) * phases >= taps
    ]
    cost = _float_cost if floats else _cost
    best = min(fitting, key=lambda phases: cost(taps, channels, phases), default=1)
    return Phased(one, best) if best > 1 else one


def _float_cost(taps: int, channels: int, phases: int) -> float:
    """Multiplications of a channel for an output, about."""
    each = _blocks(taps, phases) * (phases * channels + _TAP_IN_FLOAT)
    return each if phases == 1 else each / _WORTH_IN_FLOAT


def _cost(taps: int, channels: int, phases: int) -> float:
    """Instructions an output, about."""
    filled = -(-phases * channels // _LANES) * _LANES
    return _blocks(taps, phases) * filled * (_ONE_GROUP if filled == _LANES else _MORE)
