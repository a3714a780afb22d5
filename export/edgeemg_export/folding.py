"""A trained network in, the same function without batch normalisation out."""

from copy import deepcopy

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def folded(model: nn.Module) -> nn.Module:
    """A copy in which every batch normalisation that follows a convolution is part of it.

    A batch normalisation that stays would keep an int8 convolution's neighbour in float.
    """
    copy = deepcopy(model).eval()
    for module in copy.modules():
        if isinstance(module, nn.Sequential):
            _fold(module)
    return copy


def _fold(sequence: nn.Sequential) -> None:
    for n in range(len(sequence) - 1):
        convolution, norm = sequence[n], sequence[n + 1]
        if isinstance(convolution, nn.Conv1d) and isinstance(norm, nn.BatchNorm1d):
            sequence[n] = fuse_conv_bn_eval(convolution, norm)
            sequence[n + 1] = nn.Identity()
