"""A causal model and a hop in; the same model that takes new samples and state tensors out.

A family that streams writes its computation once, as `step(x, past)`, of pieces that know nothing
before their input: convolutions without padding, attention over a fixed number of tokens, a mean
over the newest steps. Wherever such a piece needs what came before, it asks `past.join`. In a
whole window there is nothing to add; in a stream the kept end of the last call is put in front.
So both are the same operators on the same weights, and what a stream keeps stands in one place.
"""

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from edgeemg.errors import ModelError
from edgeemg.manifest import StateTensor


class Past(Protocol):
    """What came before the input of one call."""

    def join(self, name: str, x: Tensor, keep: int, dim: int = -1) -> Tensor:
        """`x` with the `keep` steps before it in front, along `dim`, the axis of time.

        Each state needs a name of its own. Where there is no past, `x` as it is.
        """
        ...


@runtime_checkable
class Streamable(Protocol):
    """A family that can stream."""

    def step(self, x: Tensor, past: Past) -> Tensor:
        """(1, channel, time) -> (1, class), over a window or over a hop that follows `past`."""
        ...

    def stream(self, hop_samples: int) -> "Stream":
        """The same weights, taking `hop_samples` new samples a call; ModelError if that cannot be.

        From a state of zeros, a window fed hop by hop ends with the window's own logits.
        """
        ...


class Window:
    """The past of a whole window: none. Pieces without padding shorten it."""

    def join(self, name: str, x: Tensor, keep: int, dim: int = -1) -> Tensor:  # noqa: ARG002  # as in Past
        """`x` as it is."""
        return x


class Stream(nn.Module):
    """(1, channel, hop) and states -> (1, class) logits and the states for the next call.

    state  names and shapes, in the order in which forward takes and gives them; all zeros at first
    """

    def __init__(self, model: nn.Module, *, channels: int, hop_samples: int) -> None:
        super().__init__()
        assert isinstance(model, Streamable), "a family's own stream() makes its stream"
        self.model = model
        self.hop_samples = hop_samples
        self._hop = torch.zeros(1, channels, hop_samples)
        finding = _Finding()
        was_training = model.training
        with torch.no_grad():
            model.eval().step(self._hop, finding)
        model.train(was_training)
        self.state = tuple(finding.found)

    def zeros(self) -> tuple[Tensor, ...]:
        """The state to start from."""
        return tuple(torch.zeros(one.shape) for one in self.state)

    def macs(self) -> int:
        """Multiply-accumulates of one hop."""
        from torch.utils.flop_counter import FlopCounterMode

        counter = FlopCounterMode(display=False)
        with torch.no_grad(), counter:
            self(self._hop, *self.zeros())
        return int(counter.get_total_flops()) // 2

    def forward(self, x: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        carried = _Carried(states)
        logits = self.model.step(x, carried)
        return (logits, *carried.following)


class Causal(nn.Module):
    """What the families that stream share: they write `step`, and set how they are sized.

    step_samples  samples that the model makes one step of
    mean_steps    steps of a window that its last mean is over
    """

    step_samples = 5  # divides the usual hop of 25 samples, so steps of a window are those of all
    channels: int
    window_samples: int
    mean_steps: int

    def step(self, x: Tensor, past: Past) -> Tensor:
        """(batch, channel, time) -> (batch, class), over a window or a hop that follows `past`."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        return self.step(x, Window())

    def stream(self, hop_samples: int) -> Stream:
        """The same network, hop by hop; as in Streamable."""
        check_hop(
            hop_samples,
            window_samples=self.window_samples,
            stride=self.step_samples,
            mean_steps=self.mean_steps,
        )
        return Stream(self, channels=self.channels, hop_samples=hop_samples)


def newest(x: Tensor, steps: int, dim: int = -1) -> Tensor:
    """The last `steps` along the axis of time; all of it without an operator in the graph."""
    return x if x.shape[dim] == steps else x.narrow(dim, x.shape[dim] - steps, steps)


def check_hop(hop_samples: int, *, window_samples: int, stride: int, mean_steps: int) -> None:
    """ModelError where hops of this length do not give the steps that the windows have.

    stride      samples that the model makes one step of
    mean_steps  steps of a window that its last mean is over; a hop may not make more
    """
    if hop_samples % stride or window_samples % hop_samples:
        raise ModelError(
            f"this model streams hops that are a multiple of {stride} samples and divide its "
            f"window of {window_samples}, got {hop_samples}: train with another --hop-ms, "
            "or export without --stream"
        )
    if hop_samples > mean_steps * stride:
        raise ModelError(
            f"this model streams hops of at most {mean_steps * stride} samples with its window of "
            f"{window_samples}, got {hop_samples}: train with a shorter --hop-ms or a longer "
            "--window-ms, or export without --stream"
        )


class _Carried:
    """States of one call, taken in the order of the pieces; `following` are those of the next."""

    def __init__(self, states: tuple[Tensor, ...]) -> None:
        self._left = iter(states)
        self.following: list[Tensor] = []

    def join(self, name: str, x: Tensor, keep: int, dim: int = -1) -> Tensor:  # noqa: ARG002  # as in Past
        if not keep:
            return x
        whole = torch.cat([next(self._left), x], dim=dim)
        self.following.append(newest(whole, keep, dim))
        return whole


class _Finding:
    """A first call, on zeros, that notes which states the pieces ask for."""

    def __init__(self) -> None:
        self.found: list[StateTensor] = []

    def join(self, name: str, x: Tensor, keep: int, dim: int = -1) -> Tensor:
        if not keep:
            return x
        assert name not in {one.name for one in self.found}, f"two states are named {name}"
        shape = list(x.shape)
        shape[dim] = keep
        self.found.append(StateTensor(name, tuple(shape)))
        return torch.cat([x.new_zeros(shape), x], dim=dim)
