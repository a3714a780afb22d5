"""Convolutional networks: (batch, channel, time) -> (batch, class) logits."""

from torch import Tensor, nn

from edgeemg.errors import ModelError
from edgeemg.train.models.layers import Steps, conv_block, filled
from edgeemg.train.models.streaming import Causal, Past

_STEP_SAMPLES = 20  # of `Cnn`, before its second convolution
_STEM_TAPS = 11  # less 1 a multiple of the step: a window's pools lie where the stream's do
_LATER_TAPS = (7, 5, 3)  # in windows too short for them, as many as take a third of the steps


class Cnn(nn.Module):
    """The default CNN: three convolutions, each over steps longer than the last; the mean of them.

    Steps of 2 samples, pooled in pairs, then of 20, then of 100 samples: each convolution takes
    all that a step holds as its channels (as torch's PixelUnshuffle; Shi et al. 2016,
    arXiv:1609.05158). Long filters at few places suit the integer kernels: rounding an
    output has its price however many products it sums (docs/quantisation.md).
    What a window's oldest step lacks is zeros: every sample counts.
    8 channels x 200 samples x 10 classes: 89,258 parameters, 0.51 M multiply-accumulates.
    """

    def __init__(self, channels: int, window_samples: int, classes: int) -> None:
        super().__init__()
        if window_samples < _STEP_SAMPLES:
            raise ModelError(
                f"model 'cnn' cannot work on windows of {window_samples} samples, "
                f"{_STEP_SAMPLES} are the least: use a longer --window-ms"
            )
        last = min(5, -(-window_samples // _STEP_SAMPLES))  # of a short window: all steps are one
        self.blocks = nn.Sequential(
            Steps(2),
            conv_block(2 * channels, 16, 5, pool=2),
            Steps(5),
            conv_block(5 * 16, 64, 5, pool=1),
            Steps(last),
            conv_block(last * 64, 64, 3, pool=1),
        )
        self.dropout = nn.Dropout(0.3)
        self.head = nn.Linear(64, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(filled(x, _STEP_SAMPLES))  # (batch, 64, time / 100)
        x = x.movedim(1, -1).mean(dim=-2).flatten(1)  # (batch, 64)
        out: Tensor = self.head(self.dropout(x))
        return out


class CausalCnn(Causal):
    """The CNN that streams: four convolution blocks without padding, the mean over time.

    All pooling, by 5, follows the first block, so that a hop of 25 samples is 5 steps. Nothing is
    padded: what is computed for a step depends on the samples before it alone.
    Receptive field of one step: 75 samples, of the mean over 26 of them: the whole window.
    8 channels x 200 samples x 10 classes: 42,282 parameters, 1.63 M multiply-accumulates.
    """

    def __init__(self, channels: int, window_samples: int, classes: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            _valid_block(channels, 32, _STEM_TAPS), nn.MaxPool1d(self.step_samples)
        )
        steps = (window_samples - _STEM_TAPS + 1) // self.step_samples
        self.blocks = nn.ModuleList()
        self._reach: list[int] = []  # steps that each block looks back
        for inputs, outputs, taps in zip((32, 48, 64), (48, 64, 64), _LATER_TAPS, strict=True):
            self._reach.append(min(taps - 1, steps // 3))
            self.blocks.append(_valid_block(inputs, outputs, self._reach[-1] + 1))
            steps -= self._reach[-1]
        self.dropout = nn.Dropout(0.3)
        self.head = nn.Linear(64, classes)
        self.channels, self.window_samples = channels, window_samples
        self.mean_steps = steps

    def step(self, x: Tensor, past: Past) -> Tensor:
        """(batch, channel, time) -> (batch, class), over a window or a hop that follows `past`."""
        x = self.stem(past.join("samples", x, _STEM_TAPS - 1))
        for n, (block, reach) in enumerate(zip(self.blocks, self._reach, strict=True)):
            x = block(past.join(f"block_{n}", x, reach))
        x = past.join("steps", x, self.mean_steps - x.shape[-1])
        out: Tensor = self.head(self.dropout(x.mean(dim=-1).flatten(1)))  # of (batch, width)
        return out


def _valid_block(inputs: int, outputs: int, taps: int) -> nn.Sequential:
    """(batch, inputs, time) -> (batch, outputs, time - taps + 1); the norm folds on export."""
    return nn.Sequential(
        nn.Conv1d(inputs, outputs, taps, bias=False), nn.BatchNorm1d(outputs), nn.ReLU6()
    )


class SimpleCnn(nn.Module):
    """The field's reference CNN: two 3-tap convolutions (32, 64), max pooling, one linear layer.

    8 channels x 100 samples x 10 classes, the published shape: 23,018 parameters.
    8 channels x 200 samples x 10 classes: 39,018 parameters, 0.80 M multiply-accumulates.
    """

    def __init__(self, channels: int, window_samples: int, classes: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv1d(channels, 32, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.MaxPool1d(2),
            nn.Conv1d(32, 64, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.MaxPool1d(2),
        )
        self.head = nn.Linear(64 * (window_samples // 4), classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x)  # (batch, 64, time / 4)
        out: Tensor = self.head(x.flatten(1))
        return out
