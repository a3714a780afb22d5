"""A convolution stem and attention: (batch, channel, time) -> (batch, class) logits."""

import torch
from torch import Tensor, nn

from edgeemg.train.models.layers import EncoderLayer, conv_block


class Hybrid(nn.Module):
    """Three convolution blocks cut the window to time / 8 tokens; one attention layer mixes them.

    Convolutions first, then attention (Xiao et al. 2021, arXiv:2106.14881; for surface EMG, Liu
    et al. 2023, doi:10.1109/TIM.2023.3273651): the stem finds what happens, attention relates it
    over the window. Learned positions, 4 heads, 25 tokens for 200 samples.
    8 channels x 200 samples x 10 classes: 64,426 parameters, 2.67 M multiply-accumulates.
    """

    def __init__(self, channels: int, window_samples: int, classes: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            conv_block(channels, 32, 9, pool=4),
            conv_block(32, 48, 7, pool=1),
            conv_block(48, 64, 5, pool=2),
        )
        with torch.no_grad():
            tokens = self.stem.eval()(torch.zeros(1, channels, window_samples)).shape[-1]
        self.position = nn.Parameter(torch.randn(1, tokens, 64) * 0.02)
        self.encoder = EncoderLayer(64, 4, 128, norm_first=True)
        self.dropout = nn.Dropout(0.3)
        self.head = nn.Linear(64, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x).transpose(1, 2)  # (batch, token, 64)
        x = self.encoder(x + self.position).mean(dim=1)  # (batch, 64)
        out: Tensor = self.head(self.dropout(x))
        return out
