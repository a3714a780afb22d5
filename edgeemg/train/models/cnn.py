"""Convolutional networks: (batch, channel, time) -> (batch, class) logits."""

from torch import Tensor, nn

from edgeemg.train.models.layers import conv_block


class Cnn(nn.Module):
    """The default CNN: four convolution blocks, the mean over time, one linear layer.

    Batch normalisation directly after each convolution folds into it on export; the mean over
    time makes the answer depend on what was said, not on where in the window it lies.
    8 channels x 200 samples x 10 classes: 41,770 parameters, 2.07 M multiply-accumulates.
    """

    def __init__(self, channels: int, window_samples: int, classes: int) -> None:  # noqa: ARG002  # one signature for all
        super().__init__()
        self.blocks = nn.Sequential(
            conv_block(channels, 32, 9, pool=4),
            conv_block(32, 48, 7, pool=1),
            conv_block(48, 64, 5, pool=2),
            conv_block(64, 64, 3, pool=2),
        )
        self.dropout = nn.Dropout(0.3)
        self.head = nn.Linear(64, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(x)  # (batch, 64, time / 16)
        x = x.mean(dim=-1)  # (batch, 64)
        out: Tensor = self.head(self.dropout(x))
        return out


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
