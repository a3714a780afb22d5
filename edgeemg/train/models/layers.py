"""The pieces that several families share: each takes a tensor and gives one."""

import torch.nn.functional as F
from torch import Tensor, nn


def conv_block(inputs: int, outputs: int, taps: int, *, pool: int) -> nn.Sequential:
    """Convolution, batch normalisation, ReLU6, and the largest of every `pool` steps.

    (batch, inputs, time) -> (batch, outputs, time // pool). The norm stands directly behind the
    convolution, so that it folds into it on export. ReLU6 (Krizhevsky 2010) bounds what an int8
    scale has to cover: without it a rare peak costs every other value its precision.
    """
    parts: list[nn.Module] = [
        nn.Conv1d(inputs, outputs, taps, padding=taps // 2, bias=False),
        nn.BatchNorm1d(outputs),
        nn.ReLU6(),
    ]
    if pool > 1:
        parts.append(nn.MaxPool1d(pool))
    return nn.Sequential(*parts)


class Steps(nn.Module):
    """Every `length` steps become one: (batch, channel, time) -> (batch, step * channel, time').

    What the oldest lacks is zeros. Works over pictures, too,
    (batch, channel, 1, time), where channels are last in memory and nothing is moved.
    """

    def __init__(self, length: int) -> None:
        super().__init__()
        self.length = length

    def forward(self, x: Tensor) -> Tensor:
        x = filled(x, self.length)
        steps = x.shape[-1] // self.length
        x = x.movedim(1, -1)  # (batch, time, channel)
        x = x.reshape(*x.shape[:-2], steps, self.length * x.shape[-1])
        return x.movedim(-1, 1)


def filled(x: Tensor, length: int) -> Tensor:
    """(..., time) with zeros before the oldest, up to a multiple of `length`."""
    lacking = -x.shape[-1] % length
    return F.pad(x, (lacking, 0)) if lacking else x


class EncoderLayer(nn.Module):
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
