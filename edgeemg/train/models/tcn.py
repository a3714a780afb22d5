"""A causal temporal convolution network: (batch, channel, time) -> (batch, class) logits."""

import torch.nn.functional as F
from torch import Tensor, nn

_TAPS = 3
_WIDTH = 56
_STEM_TAPS = 11  # with steps of 5 samples, a window of any multiple of 5 is used to its last sample
_STEP_SAMPLES = 5  # divides the usual hop of 25 samples, so steps of one window are those of all


class Tcn(nn.Module):
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
            nn.ReLU(),
            nn.MaxPool1d(_STEP_SAMPLES),
            nn.Conv1d(32, _WIDTH, _TAPS, bias=False),
            nn.BatchNorm1d(_WIDTH),
            nn.ReLU(),
        )
        steps = (window_samples - _STEM_TAPS + 1) // _STEP_SAMPLES - _TAPS + 1
        self.blocks = nn.Sequential(*(_Residual(_WIDTH, dilation) for dilation in _fitting(steps)))
        self.dropout = nn.Dropout(0.3)
        self.head = nn.Linear(_WIDTH, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.steps(x).mean(dim=-1)  # (batch, width)
        out: Tensor = self.head(self.dropout(x))
        return out

    def steps(self, x: Tensor) -> Tensor:
        """(batch, channel, time) -> (batch, width, step), for windows and longer stretches."""
        out: Tensor = self.blocks(self.stem(x))
        return out


class _Residual(nn.Module):
    """(batch, width, step) -> (batch, width, step - 2 * dilation); the oldest steps go."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.reach = (_TAPS - 1) * dilation
        self.convolution = nn.Sequential(
            nn.Conv1d(width, width, _TAPS, dilation=dilation, bias=False), nn.BatchNorm1d(width)
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x[..., self.reach :] + self.convolution(x))


def _fitting(steps: int) -> list[int]:
    """The dilations of as many blocks as take at most half of the steps that are left."""
    dilations: list[int] = []
    while (_TAPS - 1) * 2 ** len(dilations) <= steps / 2:
        dilations.append(2 ** len(dilations))
        steps -= (_TAPS - 1) * dilations[-1]
    return dilations
