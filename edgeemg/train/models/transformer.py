"""Transformers: (batch, channel, time) -> (batch, class) logits."""

import torch
from torch import Tensor, nn

from edgeemg.train.models.layers import EncoderLayer


class SimpleTransformer(nn.Module):
    """The field's reference Transformer: every sample a token.

    Linear embedding to 64, 2 encoder layers of 2 heads and feed-forward 128, mean over time, one
    linear layer; no position code.
    8 channels x 200 samples x 10 classes: 68,170 parameters, 23.45 M multiply-accumulates.
    """

    def __init__(self, channels: int, window_samples: int, classes: int) -> None:  # noqa: ARG002  # one signature for all
        super().__init__()
        self.embedding = nn.Linear(channels, 64)
        self.encoder = nn.Sequential(*(EncoderLayer(64, 2, 128, norm_first=False) for _ in "12"))
        self.head = nn.Linear(64, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embedding(x.transpose(1, 2))  # (batch, time, 64)
        x = self.encoder(x).mean(dim=1)  # (batch, 64)
        out: Tensor = self.head(x)
        return out


class PatchTransformer(nn.Module):
    """The default Transformer: a strided convolution stem makes few tokens of many samples.

    Attention costs tokens squared, so the stem (after Bioformer, Burrello et al. 2022) cuts ten
    samples to one token: 20 tokens for 200 samples. Learned positions, 2 layers, 4 heads.
    8 channels x 200 samples x 10 classes: 57,194 parameters, 1.35 M multiply-accumulates.
    """

    width = 48

    def __init__(self, channels: int, window_samples: int, classes: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv1d(channels, 32, 9, stride=2, padding=4, bias=False),
            nn.BatchNorm1d(32),
            nn.ReLU(),
            nn.Conv1d(32, self.width, 10, stride=5, padding=3, bias=False),
            nn.BatchNorm1d(self.width),
            nn.ReLU(),
        )
        with torch.no_grad():
            tokens = self.stem.eval()(torch.zeros(1, channels, window_samples)).shape[-1]
        self.position = nn.Parameter(torch.randn(1, tokens, self.width) * 0.02)
        self.encoder = nn.Sequential(
            *(EncoderLayer(self.width, 4, 2 * self.width, norm_first=True) for _ in "12")
        )
        self.dropout = nn.Dropout(0.3)
        self.head = nn.Linear(self.width, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x).transpose(1, 2)  # (batch, token, width)
        x = self.encoder(x + self.position).mean(dim=1)  # (batch, width)
        out: Tensor = self.head(self.dropout(x))
        return out
