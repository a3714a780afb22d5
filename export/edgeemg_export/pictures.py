"""A network over (batch, channel, time) in, the same over pictures of height one out, for TFLite.

TFLite has convolutions over pictures only, with channels last. Its converter finds a layout for
four axes and moves the axes once; around every Conv1d it moves them there and back.
"""

from collections.abc import Sequence
from copy import deepcopy

import torch
from torch import Tensor, nn

from edgeemg.train.models.streaming import Stream, newest

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
    A state has its axis of time in front of all others that are longer than one, as TFLite keeps
    it in memory. What comes out for it is longer: its end is the next state, which costs no
    operator to take.
    """
    for network, flat in ((_over_pictures(stream), False), (_by_parts(stream), True)):
        ours = _TailedStream(network, flat=flat)
        zeros = ours.zeros(hop)
        if zeros is not None and _is_same_stream(ours, zeros, stream, hop):
            return ours, zeros
    raise AssertionError("pictures give other logits")


class _Whole(nn.Module):
    """(batch, channel, time) through a network over pictures; `back` takes the axis out again."""

    def __init__(self, network: nn.Module, *, back: bool = False) -> None:
        super().__init__()
        self.network = network
        self.back = back

    def forward(self, x: Tensor) -> Tensor:
        x = self.network(x.unsqueeze(2))  # of (batch, channel, 1, time)
        return x.squeeze(2) if self.back else x


class _TailedStream(nn.Module):
    """(1, channel, hop) and states through a stream over pictures, or over parts that are such.

    A state is (1, time, width), or of pictures (1, 1, time, width).
    """

    def __init__(self, stream: nn.Module, *, flat: bool) -> None:
        super().__init__()
        assert isinstance(stream, Stream), "layers are replaced, what holds them is not"
        self.stream = stream
        self.flat = flat

    def forward(self, x: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        return self.with_past(x, _Tails(states))

    def with_past(self, x: Tensor, past: "_Tails") -> tuple[Tensor, ...]:
        logits = self.stream.model.step(x if self.flat else x.unsqueeze(2), past)
        return (logits, *past.joined)

    def zeros(self, hop: Tensor) -> tuple[Tensor, ...] | None:
        """The state to start from; None where the network does not take such tensors."""
        past = _Tails()
        try:
            with torch.no_grad():
                self.with_past(hop, past)
        except (RuntimeError, ValueError, IndexError):
            return None
        return tuple(past.zeros)


class _Tails:
    """The past of one call, joined with time in front; `joined` end in the next states."""

    def __init__(self, states: tuple[Tensor, ...] | None = None) -> None:
        self._left = None if states is None else iter(states)
        self.joined: list[Tensor] = []
        self.zeros: list[Tensor] = []

    def join(self, name: str, x: Tensor, keep: int, dim: int = -1) -> Tensor:  # noqa: ARG002  # as in Past
        if not keep:
            return x
        axes, back = ([0, 2, 3, 1], [0, 3, 1, 2]) if x.ndim == 4 else _swapped(dim)
        x = x.permute(axes)
        time = x.ndim - 2
        whole = torch.cat([self._state(x, keep, time), x], dim=time)
        self.joined.append(whole)
        return whole.permute(back)

    def _state(self, x: Tensor, keep: int, time: int) -> Tensor:
        if self._left is not None:
            return next(self._left)
        shape = list(x.shape)
        shape[time] = keep
        self.zeros.append(x.new_zeros(shape))
        return self.zeros[-1]


def _swapped(dim: int) -> tuple[list[int], list[int]]:
    """How (batch, width, time) becomes (batch, time, width), and back."""
    axes = [0, 1, 2] if dim == 1 else [0, 2, 1]
    return axes, axes


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


def _is_same(ours: nn.Module, theirs: nn.Module, example: Tensor) -> bool:
    """Whether both give the same logits."""
    x = torch.rand(example.shape, generator=torch.Generator().manual_seed(0)) - 0.5
    with torch.no_grad():
        wanted = theirs.eval()(x)
        try:
            given = ours(x)
        except (RuntimeError, ValueError, IndexError):
            return False
    return _is_close(given, wanted)


def _is_same_stream(
    ours: nn.Module, state: tuple[Tensor, ...], theirs: Stream, hop: Tensor
) -> bool:
    """Whether both give the same logits after three hops."""
    generator = torch.Generator().manual_seed(0)
    their_state = theirs.zeros()
    with torch.no_grad():
        for _ in "123":
            x = torch.rand(hop.shape, generator=generator) - 0.5
            wanted, *their_state = theirs.eval()(x, *their_state)
            given, *joined = ours(x, *state)
            state = tails(joined, state)
    return _is_close(given, wanted)


def tails(joined: Sequence[Tensor], state: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """The next state: the end of each joined tensor, as long as the state that went in."""
    pairs = zip(joined, state, strict=True)
    return tuple(newest(one, was.shape[-2], dim=-2) for one, was in pairs)


def _is_close(given: Tensor, wanted: Tensor) -> bool:
    return given.shape == wanted.shape and torch.allclose(given, wanted, atol=1e-4, rtol=1e-4)
