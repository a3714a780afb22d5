"""A network over (batch, channel, time) in, the same over pictures of height one out, for TFLite.

TFLite has convolutions over pictures only, with channels last. Its converter finds a layout for
four axes and moves the axes once; around every Conv1d it moves them there and back.
"""

from copy import deepcopy

import torch
from torch import Tensor, nn

from edgeemg.train.models.streaming import Stream

_LAYERS = (nn.Conv1d, nn.MaxPool1d, nn.ReLU, nn.ReLU6, nn.BatchNorm1d, nn.Dropout, nn.Identity)


def pictures(model: nn.Module, example: Tensor) -> nn.Module:
    """A copy of the network, in evaluation mode, with the same inputs and logits.

    model    without batch normalisation, as `folded` gives it
    example  (1, channel, time), the shape that is converted
    Where the whole network cannot take the fourth axis, runs of layers within it do.
    """
    whole = _Whole(_over_pictures(model))
    if _is_same(whole, model, example):
        return whole
    parts = _by_parts(model)
    assert _is_same(parts, model, example), "pictures give other logits"
    return parts


def stream_pictures(stream: Stream, hop: Tensor) -> tuple[nn.Module, tuple[Tensor, ...]]:
    """The same for a stream: the network, and the state of zeros that it starts from.

    hop  (1, channel, hop samples), the shape that is converted
    The states are pictures, too, (1, width, 1, step), where the whole network works on them.
    """
    whole = _WholeStream(_over_pictures(stream))
    zeros = stream.zeros()
    pictured = tuple(one.unsqueeze(2) for one in zeros)
    if _is_same(whole, stream, hop, ours_state=pictured, theirs_state=zeros):
        return whole, pictured
    parts = _by_parts(stream)
    assert _is_same(parts, stream, hop, ours_state=zeros, theirs_state=zeros), "other logits"
    return parts, zeros


class _Whole(nn.Module):
    """(batch, channel, time) through a network over pictures; `back` takes the axis out again."""

    def __init__(self, network: nn.Module, *, back: bool = False) -> None:
        super().__init__()
        self.network = network
        self.back = back

    def forward(self, x: Tensor) -> Tensor:
        x = self.network(x.unsqueeze(2))  # of (batch, channel, 1, time)
        return x.squeeze(2) if self.back else x


class _WholeStream(nn.Module):
    """(1, channel, hop) and states through a stream over pictures."""

    def __init__(self, stream: nn.Module) -> None:
        super().__init__()
        self.stream = stream

    def forward(self, x: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        out: tuple[Tensor, ...] = self.stream(x.unsqueeze(2), *states)
        return out


def _by_parts(network: nn.Module) -> nn.Module:
    parts = deepcopy(network).eval()
    for module in list(parts.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.Sequential) and _is_layers(child):
                setattr(module, name, _Whole(_over_pictures(child), back=True))
    return parts


def _over_pictures(network: nn.Module) -> nn.Module:
    """A copy with every layer over (batch, channel, time) replaced by that over one axis more."""
    holder = nn.Sequential(deepcopy(network).eval())
    for module in list(holder.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.Conv1d):
                setattr(module, name, _convolution(child))
            elif isinstance(child, nn.MaxPool1d):
                setattr(module, name, _pooling(child))
    return holder[0]


def _convolution(one: nn.Conv1d) -> nn.Conv2d:
    assert not isinstance(one.padding, str), "no family pads by name"
    flat = nn.Conv2d(
        one.in_channels,
        one.out_channels,
        (1, one.kernel_size[0]),
        stride=(1, one.stride[0]),
        padding=(0, one.padding[0]),
        dilation=(1, one.dilation[0]),
        groups=one.groups,
        bias=one.bias is not None,
    ).eval()
    with torch.no_grad():
        flat.weight.copy_(one.weight.unsqueeze(2))
        if one.bias is not None and flat.bias is not None:
            flat.bias.copy_(one.bias)
    return flat


def _pooling(one: nn.MaxPool1d) -> nn.MaxPool2d:
    assert isinstance(one.kernel_size, int), "a pool has one length"
    assert one.stride == one.kernel_size, "pools do not overlap in any family"
    assert one.padding == 0, "no family pads before pooling"
    return nn.MaxPool2d((1, one.kernel_size))


def _is_layers(sequence: nn.Sequential) -> bool:
    """Whether it holds layers that work alike on both, and nested sequences of them, alone."""
    layers = [one for one in sequence.modules() if not isinstance(one, nn.Sequential)]
    convolves = any(isinstance(one, nn.Conv1d) for one in layers)
    return convolves and all(isinstance(one, _LAYERS) for one in layers)


def _is_same(
    ours: nn.Module,
    theirs: nn.Module,
    example: Tensor,
    *,
    ours_state: tuple[Tensor, ...] = (),
    theirs_state: tuple[Tensor, ...] = (),
) -> bool:
    """Whether both give the same logits, of a stream after three hops."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for _ in range(3 if theirs_state else 1):
            x = torch.rand(example.shape, generator=generator) - 0.5
            wanted, theirs_state = _split(theirs.eval()(x, *theirs_state))
            try:
                given, ours_state = _split(ours(x, *ours_state))
            except (RuntimeError, ValueError, IndexError):
                return False
    return given.shape == wanted.shape and torch.allclose(given, wanted, atol=1e-4, rtol=1e-4)


def _split(outputs: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Logits, and the next state if there is one."""
    return (outputs[0], outputs[1:]) if isinstance(outputs, tuple) else (outputs, ())
