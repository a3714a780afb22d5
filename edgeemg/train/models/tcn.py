"""A causal temporal convolution network: (batch, channel, time) -> (batch, class) logits."""

import torch.nn.functional as F
from torch import Tensor, nn

from edgeemg.train.models.streaming import Causal, Past, Window, newest

_TAPS = 3
_WIDTH = 56
_STEM_TAPS = 11  # with steps of 5 samples, a window of any multiple of 5 is used to its last sample


class Tcn(Causal):
    """Steps of 5 samples, then dilated convolutions with residuals, and the mean over time.

    After Bai, Kolter & Koltun 2018 (arXiv:1803.01271), with one convolution a block. Nothing is
    padded: what is computed for a step depends on the samples before it and not on where a window
    begins, so the steps of a window are those of the endless stream. Dilations are 1, 2, 4 ...,
    as many as fit while each takes at most half of the steps: 1, 2, 4 for 200 samples.
    Receptive field of one step then: 95 samples, of the mean over them: the whole window.
    8 channels x 200 samples x 10 classes: 37,498 parameters, 1.54 M multiply-accumulates.
    """

    def __init__(self, channels: int, window_samples: int, classes: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv1d(channels, 32, _STEM_TAPS, bias=False),
            nn.BatchNorm1d(32),
            nn.ReLU6(),
            nn.MaxPool1d(self.step_samples),
            nn.Conv1d(32, _WIDTH, _TAPS, bias=False),
            nn.BatchNorm1d(_WIDTH),
            nn.ReLU6(),
        )
        steps = (window_samples - _STEM_TAPS + 1) // self.step_samples - _TAPS + 1
        dilations = _fitting(steps)
        self.blocks = nn.ModuleList(_Residual(_WIDTH, dilation) for dilation in dilations)
        self._reach = [(_TAPS - 1) * dilation for dilation in dilations]  # steps looked back
        self.dropout = nn.Dropout(0.3)
        self.head = nn.Linear(_WIDTH, classes)
        self.channels, self.window_samples = channels, window_samples
        self.mean_steps = steps - sum(self._reach)

    def step(self, x: Tensor, past: Past) -> Tensor:
        """(batch, channel, time) -> (batch, class), over a window or a hop that follows `past`."""
        x = self.steps(x, past)
        x = past.join("steps", x, self.mean_steps - x.shape[-1])
        out: Tensor = self.head(self.dropout(x.mean(dim=-1).flatten(1)))  # of (batch, width)
        return out

    def steps(self, x: Tensor, past: Past | None = None) -> Tensor:
        """(batch, channel, time) -> (batch, width, step), for windows and longer stretches."""
        past = past or Window()
        x = self.stem[:4](past.join("samples", x, _STEM_TAPS - 1))
        x = self.stem[4:](past.join("stem", x, _TAPS - 1))
        for n, (block, reach) in enumerate(zip(self.blocks, self._reach, strict=True)):
            x = block(x, past.join(f"block_{n}", x, reach))
        return x


class _Residual(nn.Module):
    """(batch, width, step) -> (batch, width, step - 2 * dilation); the oldest steps go.

    joined  the same steps behind those before them, of which none goes then
    """

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.convolution = nn.Sequential(
            nn.Conv1d(width, width, _TAPS, dilation=dilation, bias=False), nn.BatchNorm1d(width)
        )

    def forward(self, x: Tensor, joined: Tensor) -> Tensor:
        change = self.convolution(joined)
        return F.relu6(newest(x, change.shape[-1]) + change)


def _fitting(steps: int) -> list[int]:
    """The dilations of as many blocks as take at most half of the steps that are left."""
    dilations: list[int] = []
    while (_TAPS - 1) * 2 ** len(dilations) <= steps / 2:
        dilations.append(2 ** len(dilations))
        steps -= (_TAPS - 1) * dilations[-1]
    return dilations
