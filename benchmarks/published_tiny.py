"""A network of MLPerf Tiny by name in; a bundle of it with random weights out.

Shapes are those of Banbury et al. 2021, "MLPerf Tiny Benchmark", and of the reference models in
mlcommons/tiny. A bundle's input is (channel, time): pictures go in flat and are unfolded inside.
"""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.random_bundle import write_random_bundle


class _Network(nn.Module):
    """A body that ends in (batch, feature), and a head; `shape` is that of one input picture."""

    def __init__(self, body: nn.Module, features: int, labels: int, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.body, self.head = body, nn.Linear(features, labels)
        self.shape = shape

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(batch, channel, time) -> (batch, class)."""
        logits: torch.Tensor = self.head(self.body(x.reshape(-1, *self.shape)))
        return logits


class _Residual(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.path = nn.Sequential(
            *_conv(inputs, outputs, 3, stride), nn.Conv2d(outputs, outputs, 3, padding=1)
        )
        self.skip = nn.Conv2d(inputs, outputs, 1, stride) if stride > 1 else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(self.path(x) + self.skip(x))


def _conv(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1
) -> list[nn.Module]:
    """Batch normalisation is folded into a convolution before it runs: it is left out."""
    padding = kernel // 2
    return [nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups), nn.ReLU()]


def _separable(inputs: int, outputs: int, stride: int = 1) -> list[nn.Module]:
    return [*_conv(inputs, inputs, 3, stride, inputs), *_conv(inputs, outputs, 1)]


def _pooled(*layers: nn.Module) -> nn.Module:
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


def _ds_cnn() -> nn.Module:
    """Keywords: 49 frames of 10 MFCC; 'same' padding of the first layer as TensorFlow's."""
    first = [nn.ZeroPad2d((4, 5, 1, 1)), nn.Conv2d(1, 64, (4, 10), 2), nn.ReLU()]
    blocks = [layer for _ in range(4) for layer in _separable(64, 64)]
    return _Network(_pooled(*first, *blocks), 64, 12, (1, 10, 49))


def _autoencoder() -> nn.Module:
    """Anomalies: 5 frames of 128 mel bands."""
    sizes = [640, 128, 128, 128, 128, 8, 128, 128, 128, 128]
    layers: list[nn.Module] = [nn.Flatten()]
    for one, other in pairwise(sizes):
        layers += [nn.Linear(one, other), nn.ReLU()]
    return _Network(nn.Sequential(*layers), 128, 640, (640,))


def _resnet8() -> nn.Module:
    """Pictures of 32 x 32."""
    stacks = [_Residual(16, 16, 1), _Residual(16, 32, 2), _Residual(32, 64, 2)]
    return _Network(_pooled(*_conv(3, 16, 3), *stacks), 64, 10, (3, 32, 32))


def _mobilenet() -> nn.Module:
    """Is a person in a picture of 96 x 96: MobileNetV1 at a quarter of its width."""
    layers, inputs = _conv(3, 8, 3, 2), 8
    widths = (16, 32, 32, 64, 64, 128, 128, 128, 128, 128, 128, 256, 256)
    for outputs in widths:
        # a stride wherever the width doubles, but for the first
        layers += _separable(inputs, outputs, 2 if outputs == 2 * inputs != 16 else 1)
        inputs = outputs
    return _Network(_pooled(*layers), 256, 2, (3, 96, 96))


# name -> network, channels and time of its input
NETWORKS: dict[str, tuple[Callable[[], nn.Module], int, int]] = {
    "ds-cnn": (_ds_cnn, 10, 49),
    "autoencoder": (_autoencoder, 1, 640),
    "resnet8": (_resnet8, 3, 32 * 32),
    "mobilenet-0.25": (_mobilenet, 3, 96 * 96),
}


def write_tiny(name: str, folder: Path) -> None:
    """All four files."""
    make, channels, time = NETWORKS[name]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = make().eval()
    write_random_bundle(
        model,
        folder,
        family=name,
        channels=channels,
        window_samples=time,
        sample_rate_hz=float(time),
    )
