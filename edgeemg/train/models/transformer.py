"""Transformers: (batch, channel, time) -> (batch, class) logits."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from edgeemg.train.models.layers import EncoderLayer
from edgeemg.train.models.streaming import Causal, Past, newest

_STEM_TAPS = 11  # less 1 a multiple of the step: a window's pools lie where the stream's do
_TAPS = 3
_LEFT = 8  # tokens that a token sees before itself; in windows too short for it, a third of them
_UNSEEN = -1e4  # added to a score: its share after softmax is zero


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
    """A Transformer of few tokens: a strided convolution stem cuts ten samples to one.

    After Bioformer (Burrello et al. 2022): attention costs tokens squared, so 20 tokens for 200
    samples. Learned positions, layer normalisation, 2 layers, 4 heads.
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


class Transformer(Causal):
    """The default Transformer, made for 8-bit integers and for streams.

    A convolution stem makes a token of every 5 samples. Two attention layers follow, in which a
    token sees itself and the 8 before it, and nothing that comes after; then the mean over tokens.
    Every matrix product is followed by a batch normalisation, which folds into it on export where
    a layer normalisation falls out of the fast integer kernels. One head, since several take
    transposes. No position code: what is near is told by the stem and by the limited view.
    Receptive field of one token: 105 samples, of the mean over 20 of them: the whole window.
    8 channels x 200 samples x 10 classes: 41,482 parameters, 1.64 M multiply-accumulates.
    """

    width = 48

    def __init__(self, channels: int, window_samples: int, classes: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv1d(channels, 32, _STEM_TAPS, bias=False),
            nn.BatchNorm1d(32),
            nn.ReLU6(),
            nn.MaxPool1d(self.step_samples),
        )
        self.embedding = nn.Sequential(
            nn.Conv1d(32, self.width, _TAPS, bias=False), nn.BatchNorm1d(self.width), nn.ReLU6()
        )
        tokens = (window_samples - _STEM_TAPS + 1) // self.step_samples - _TAPS + 1
        self.layers = nn.ModuleList()
        for _ in "12":
            self.layers.append(_CausalLayer(self.width, left=min(_LEFT, tokens // 3)))
            tokens -= min(_LEFT, tokens // 3)
        self.dropout = nn.Dropout(0.3)
        self.head = nn.Linear(self.width, classes)
        self.channels, self.window_samples = channels, window_samples
        self.mean_steps = tokens

    def step(self, x: Tensor, past: Past) -> Tensor:
        """(batch, channel, time) -> (batch, class), over a window or a hop that follows `past`."""
        x = self.stem(past.join("samples", x, _STEM_TAPS - 1))
        x = self.embedding(past.join("stem", x, _TAPS - 1)).transpose(1, 2)  # (batch, token, width)
        for n, layer in enumerate(self.layers):
            x = layer(x, past, f"layer_{n}")
        x = past.join("tokens", x, self.mean_steps - x.shape[1], dim=1)
        out: Tensor = self.head(self.dropout(x.mean(dim=1)))  # of (batch, width)
        return out


class _CausalLayer(nn.Module):
    """(batch, token, width) -> (batch, token - left, width); the oldest tokens go.

    Attention of one head over a token and the `left` before it, then a feed-forward part (Vaswani
    et al. 2017), both around a residual.
    """

    def __init__(self, width: int, *, left: int) -> None:
        super().__init__()
        self.left = left
        # the usual division of the scores by the root of their length, where it costs nothing
        self.queries = _linear_norm(width, width // 2, gain=(width // 2) ** -0.25)
        self.keys = _linear_norm(width, width // 2, gain=(width // 2) ** -0.25)
        self.values = _linear_norm(width, width)
        self.mix = _linear_norm(width, width)
        self.feed_forward = nn.Sequential(
            *_linear_norm(width, 2 * width),
            nn.ReLU6(),
            nn.Dropout(0.1),
            *_linear_norm(2 * width, width),
        )
        self.dropout = nn.Dropout(0.1)

    def forward(self, x: Tensor, past: Past, name: str) -> Tensor:
        keys = past.join(f"{name}_keys", self.keys(x), self.left, dim=1)
        values = past.join(f"{name}_values", self.values(x), self.left, dim=1)
        tokens = keys.shape[1] - self.left
        x = newest(x, tokens, dim=1)
        scores = self.queries(x) @ keys.transpose(1, 2) + _band(tokens, self.left)
        attended = scores.softmax(dim=-1) @ values  # (batch, tokens, width)
        x = F.relu6(x + self.dropout(self.mix(attended)))
        return F.relu6(x + self.dropout(self.feed_forward(x)))


class TokenNorm(nn.BatchNorm1d):
    """Batch normalisation of (batch, token, width), as large as the width."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.flatten(0, 1)).reshape(x.shape)


def _linear_norm(inputs: int, outputs: int, *, gain: float = 1.0) -> nn.Sequential:
    norm = TokenNorm(outputs)
    nn.init.constant_(norm.weight, gain)  # where training begins
    return nn.Sequential(nn.Linear(inputs, outputs, bias=False), norm)


def _band(tokens: int, left: int) -> Tensor:
    """(tokens, left + tokens): zero where token n sees key n .. n + left, else as good as -inf."""
    lag = np.arange(left + tokens)[None] - np.arange(tokens)[:, None]
    seen = (lag >= 0) & (lag <= left)
    return torch.from_numpy(np.where(seen, 0, _UNSEEN).astype(np.float32))
