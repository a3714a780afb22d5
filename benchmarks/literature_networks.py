"""A network of the literature by name in; the network rebuilt from its paper, as ours take it, out.

Every one takes (batch, channel, time) and gives (batch, class) logits, and ends in a linear layer
called `head`. Weights are random: cost is all that can be said of these. What is from a paper, and
what is our reading where we had no more than sizes, stands at each class and in NETWORKS, and a
test holds parameters and multiply-accumulates against what was published.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from benchmarks.published_tiny import NETWORKS as TINY
from edgeemg.train.models import make_model


class SpeechNet(nn.Module):
    """SilentWear's, arXiv 2603.02847: filters over time within each channel, then over channels.

    Published, or counted in its authors' code: 14 channels at 500 Hz, windows of 0.8 and 1.4 s;
    steps of 8, 4 and 4 over time; half a filter's length as padding; 15,489 parameters; 3.712 and
    2.14 million multiply-accumulates at 700 and 400 samples, 94 % of them over time, 0.674 million
    for 128 samples more; 3,290 values that a stream would keep.
    Our reading: the filters' lengths and numbers. Of filters over 2 to 32 samples, 4 to 64 of them,
    only these over time give all of that; over channels 7 and 7 do, and so would 11 and 5. ReLU,
    the largest value in a pool, the mean in front of the head.
    """

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.over_time = nn.Sequential(
            *_along(1, 8, (1, 4), (0, 2)),
            nn.MaxPool2d((1, 8)),
            *_along(8, 16, (1, 16), (0, 8)),
            nn.MaxPool2d((1, 4)),
            *_along(16, 16, (1, 8), (0, 4)),
            nn.MaxPool2d((1, 4)),
        )
        half = channels // 2
        self.over_channels = nn.Sequential(
            *_along(16, 32, (half, 1), (0, 0)),
            *_along(32, 32, (half, 1), (0, 0)),
        )
        self.head = nn.Linear(32, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(batch, channel, time) -> (batch, class)."""
        x = self.over_channels(self.over_time(x.unsqueeze(1)))
        logits: torch.Tensor = self.head(x.mean((2, 3)))
        return logits


class Bioformer(nn.Module):
    """Burrello et al. 2022, arXiv 2203.12932: patches of the signal, one block of attention.

    Published: 14 channels, 300 samples; a convolution makes a patch of each 10 samples, 64 wide;
    one block of eight heads of 32, 128 wide inside; a class token; 94.2 kB in int8.
    Our reading, which gives 94,152 parameters: queries, keys and values without bias, norms before
    attention, before the feed-forward part and before the head, learned positions, GELU.
    """

    def __init__(self, channels: int, time: int, classes: int) -> None:
        super().__init__()
        width, patch = 64, 10
        self.patches = nn.Conv1d(channels, width, patch, stride=patch)
        self.token = nn.Parameter(torch.randn(1, 1, width))
        self.positions = nn.Parameter(torch.randn(1, time // patch + 1, width))
        self.attend = nn.Sequential(nn.LayerNorm(width), _Attention(width, heads=8, each=32))
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 128), nn.GELU(), nn.Linear(128, width)
        )
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(batch, channel, time) -> (batch, class)."""
        steps = self.patches(x).transpose(1, 2)
        steps = torch.cat([self.token.expand(len(x), -1, -1), steps], dim=1) + self.positions
        steps = steps + self.attend(steps)
        steps = steps + self.feed_forward(steps)
        logits: torch.Tensor = self.head(self.norm(steps[:, 0]))
        return logits


class _Attention(nn.Module):
    def __init__(self, width: int, *, heads: int, each: int) -> None:
        super().__init__()
        self.heads, self.each = heads, each
        self.three = nn.Linear(width, 3 * heads * each, bias=False)
        self.out = nn.Linear(heads * each, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(batch, step, width) -> the same."""
        batch, steps, _ = x.shape
        three = self.three(x).reshape(batch, steps, 3, self.heads, self.each)
        queries, keys, values = three.permute(2, 0, 3, 1, 4)
        weights = (queries @ keys.transpose(-1, -2) * self.each**-0.5).softmax(dim=-1)
        mixed = (weights @ values).transpose(1, 2).reshape(batch, steps, -1)
        out: torch.Tensor = self.out(mixed)
        return out


class Temponet(nn.Module):
    """Zanghieri et al. 2019, IEEE TBioCAS 14(2), TEMPONet: three blocks of dilated convolutions.

    Published: 14 channels, 300 samples; a block is two convolutions over 3 steps, dilated by 2, 4
    and 8, a strided one over 5 steps and a pool of 2, with 32, 64 and 128 filters; two linear
    layers before the last; 460 kB in int8, about 16 million multiply-accumulates.
    Twice the filters in the first two strided convolutions, and linear layers of 256 and 128, as in
    code for the same network by Risso et al., Politecnico di Torino (for another signal). Our
    reading, which gives 461,512 parameters: strides of 1, 2 and 4, batch normalisation and ReLU
    behind every layer but the last, means in the pools.
    """

    def __init__(self, channels: int, time: int, classes: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(
            *_dilated(channels, 32, 64, dilation=2, stride=1),
            *_dilated(64, 64, 128, dilation=4, stride=2),
            *_dilated(128, 128, 128, dilation=8, stride=4),
            nn.Flatten(),
        )
        with torch.no_grad():
            features = self.blocks.eval()(torch.zeros(1, channels, time)).shape[1]
        self.hidden = nn.Sequential(*_linear(features, 256), *_linear(256, 128))
        self.head = nn.Linear(128, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(batch, channel, time) -> (batch, class)."""
        logits: torch.Tensor = self.head(self.hidden(self.blocks(x)))
        return logits


def _along(
    inputs: int, outputs: int, kernel: tuple[int, int], padding: tuple[int, int]
) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, kernel, padding=padding)
    return [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]


def _dilated(
    inputs: int, width: int, outputs: int, *, dilation: int, stride: int
) -> list[nn.Module]:
    return [
        *_behind(nn.Conv1d(inputs, width, 3, dilation=dilation, padding=dilation)),
        *_behind(nn.Conv1d(width, width, 3, dilation=dilation, padding=dilation)),
        *_behind(nn.Conv1d(width, outputs, 5, stride=stride, padding=2)),
        nn.AvgPool1d(2),
    ]


def _behind(convolution: nn.Conv1d) -> list[nn.Module]:
    return [convolution, nn.BatchNorm1d(convolution.out_channels), nn.ReLU()]


def _linear(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs), nn.ReLU()]


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A network, how it is made, and what it takes.

    recipe   family whose int8 recipe it gets; one without any gets that of convolutional families
    time     samples of a window, or frames
    rate_hz  of them
    precisions  which files are counted
    """

    make: Callable[[], nn.Module]
    recipe: str
    channels: int
    time: int
    rate_hz: float
    precisions: tuple[str, ...] = ("float32", "int8")


def _ours(family: str, time: int, classes: int, rate_hz: float) -> Rebuilt:
    def make() -> nn.Module:
        return make_model(family, channels=14, window_samples=time, classes=classes)

    return Rebuilt(make, family, 14, time, rate_hz)


STATIC_BIOFORMER = "Bioformer, static int8"
NETWORKS = {
    "SpeechNet, 1.4 s": Rebuilt(lambda: SpeechNet(14, 9), "", 14, 700, 500.0),
    "SpeechNet, 0.8 s": Rebuilt(lambda: SpeechNet(14, 9), "", 14, 400, 500.0),
    "Bioformer": Rebuilt(lambda: Bioformer(14, 300, 8), "patch-transformer", 14, 300, 2000.0),
    STATIC_BIOFORMER: Rebuilt(lambda: Bioformer(14, 300, 8), "", 14, 300, 2000.0, ("int8",)),
    "TEMPONet": Rebuilt(lambda: Temponet(14, 300, 8), "", 14, 300, 2000.0),
    "DS-CNN": Rebuilt(TINY["ds-cnn"][0], "", 10, 49, 50.0),
    "our cnn, 1.4 s": _ours("cnn", 700, 9, 500.0),
    "our transformer, 1.4 s": _ours("transformer", 700, 9, 500.0),
    "our cnn, 0.15 s": _ours("cnn", 300, 8, 2000.0),
    "our transformer, 0.15 s": _ours("transformer", 300, 8, 2000.0),
}


def make_network(name: str) -> nn.Module:
    """One of NETWORKS with seeded random weights and statistics, in evaluation mode."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = NETWORKS[name].make()
        for one in model.modules():
            if isinstance(one, nn.BatchNorm1d | nn.BatchNorm2d):
                assert one.running_mean is not None, "norms here keep statistics"
                assert one.running_var is not None, "norms here keep statistics"
                # as after training: a norm that changes nothing would fold whatever is done
                nn.init.normal_(one.running_mean, std=0.1)
                nn.init.uniform_(one.running_var, 0.5, 2.0)
    return model.eval()
