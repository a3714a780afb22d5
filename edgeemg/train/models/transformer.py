"""Transformers: (batch, channel, time) -> (batch, class) logits."""

import torch
from torch import Tensor, nn


class SimpleTransformer(nn.Module):
    """The field's reference Transformer: every sample a token.

    Linear embedding to 64, 2 encoder layers of 2 heads and feed-forward 128, mean over time, one
    linear layer; no position code. 8 channels x 100 samples x 10 classes: 68,170 parameters.
    """

    def __init__(self, channels: int, window_samples: int, classes: int) -> None:  # noqa: ARG002  # one signature for all
        super().__init__()
        self.embedding = nn.Linear(channels, 64)
        self.encoder = nn.Sequential(*(_EncoderLayer(64, 2, 128, norm_first=False) for _ in "12"))
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
            *(_EncoderLayer(self.width, 4, 2 * self.width, norm_first=True) for _ in "12")
        )
        self.dropout = nn.Dropout(0.3)
        self.head = nn.Linear(self.width, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x).transpose(1, 2)  # (batch, token, width)
        x = self.encoder(x + self.position).mean(dim=1)  # (batch, width)
        out: Tensor = self.head(self.dropout(x))
        return out


class _EncoderLayer(nn.Module):
    """One encoder layer, (batch, token, width) -> the same shape (Vaswani et al. 2017).

    Written out because nn.TransformerEncoderLayer takes a fused path at inference that exporters
    do not see; the parameters and the arithmetic are the same.
    """

    def __init__(self, width: int, heads: int, feed_forward: int, *, norm_first: bool) -> None:
        super().__init__()
        self.heads = heads
        self.norm_first = norm_first
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.mix = nn.Linear(width, width)
        self.feed_forward = nn.Sequential(
            nn.Linear(width, feed_forward),
            nn.ReLU(),
            nn.Dropout(0.1),
            nn.Linear(feed_forward, width),
        )
        self.norm_attention = nn.LayerNorm(width)
        self.norm_feed_forward = nn.LayerNorm(width)
        self.dropout = nn.Dropout(0.1)

    def forward(self, x: Tensor) -> Tensor:
        if self.norm_first:
            x = x + self.dropout(self._attend(self.norm_attention(x)))
            out: Tensor = x + self.dropout(self.feed_forward(self.norm_feed_forward(x)))
        else:
            x = self.norm_attention(x + self.dropout(self._attend(x)))
            out = self.norm_feed_forward(x + self.dropout(self.feed_forward(x)))
        return out

    def _attend(self, x: Tensor) -> Tensor:
        batch, tokens, width = x.shape
        split = self.queries_keys_values(x).reshape(batch, tokens, 3, self.heads, -1)
        q, k, v = split.permute(2, 0, 3, 1, 4).unbind(0)  # each (batch, head, token, width / head)
        scores = q @ k.transpose(-2, -1) * (width // self.heads) ** -0.5
        attended = scores.softmax(dim=-1) @ v  # (batch, head, token, width / head)
        out: Tensor = self.mix(attended.transpose(1, 2).reshape(batch, tokens, width))
        return out
