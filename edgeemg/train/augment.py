"""A batch of inputs in; out, what other electrodes, people and moments might have given."""

import numpy as np
import torch
from torch import Tensor

from edgeemg.train.settings import Augmentation


def augmented(x: Tensor, strength: Augmentation, generator: torch.Generator) -> Tensor:
    """(batch, channel, time) -> the same shape; mixup is apart, since it mixes labels too."""
    if strength.time_shift:
        x = _shifted(x, round(strength.time_shift * x.shape[-1]), generator)
    if strength.gain:
        x = x * (1 + strength.gain * torch.randn(*x.shape[:2], 1, generator=generator))
    if strength.noise:
        x = x + strength.noise * torch.randn(x.shape, generator=generator)
    if strength.channel_dropout:
        kept = torch.rand(*x.shape[:2], 1, generator=generator) >= strength.channel_dropout
        x = x * kept
    return x


def mixing(
    count: int, alpha: float, generator: torch.Generator, draws: np.random.Generator
) -> tuple[Tensor, float]:
    """Which window each of `count` is mixed with, and the share that stays its own."""
    return torch.randperm(count, generator=generator), float(draws.beta(alpha, alpha))


def _shifted(x: Tensor, most: int, generator: torch.Generator) -> Tensor:
    length = x.shape[-1]
    by = torch.randint(-most, most + 1, (len(x), 1), generator=generator)
    source = (torch.arange(length) + by).clamp(0, length - 1)  # (batch, time)
    return x.gather(2, source[:, None].expand(-1, x.shape[1], -1))
