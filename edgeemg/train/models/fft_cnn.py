"""A spectral front end and a small CNN: (batch, channel, time) -> (batch, class) logits."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from edgeemg.train.models.layers import conv_block

_FRAME_SAMPLES = 50  # 200 ms at 250 Hz: bins of 5 Hz
_HOP_SAMPLES = 12  # about a quarter of a frame, as is usual under a Hann window
_POWER_FLOOR = 1e-6  # a square root has no slope at 0


class FftCnn(nn.Module):
    """The magnitude of a short-time spectrum, two convolution blocks over it, the mean over time.

    The spectrum is part of the network, so every engine computes the same one; it has no trained
    parameters. Bins of all channels are the rows that the convolutions see (a spectrogram as the
    input of a network for silent speech: Wang et al. 2020, doi:10.3390/brainsci10070442).
    8 channels x 200 samples x 10 classes: 53,130 parameters, 0.94 M multiply-accumulates.
    """

    def __init__(self, channels: int, window_samples: int, classes: int) -> None:
        super().__init__()
        self.spectrum = Spectrum(_FRAME_SAMPLES, _HOP_SAMPLES)
        with torch.no_grad():
            rows = self.spectrum(torch.zeros(1, channels, window_samples)).shape[1]
        self.blocks = nn.Sequential(conv_block(rows, 64, 3, pool=1), conv_block(64, 64, 3, pool=1))
        self.dropout = nn.Dropout(0.3)
        self.head = nn.Linear(64, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(self.spectrum(x))  # (batch, 64, frame)
        x = x.mean(dim=-1)  # (batch, 64)
        out: Tensor = self.head(self.dropout(x))
        return out


class Spectrum(nn.Module):
    """One-sided magnitude spectrum of overlapping frames: a fixed DFT as a strided convolution.

    (batch, channel, time) -> (batch, channel * bin, frame), bin = frame_samples // 2 + 1 and
    frame = (time - frame_samples) // hop_samples + 1. Frames are under a Hann window of sum 1
    (Harris 1978): a sine of amplitude A in the middle of a bin gives A / 2. Bin 0 is the frame's
    weighted mean with its sign, not its magnitude: at 0 Hz a spectrum is real, and which way a
    lip or jaw moves is in that sign.
    """

    kernels: Tensor

    def __init__(self, frame_samples: int, hop_samples: int) -> None:
        super().__init__()
        self.hop_samples = hop_samples
        window = torch.hann_window(frame_samples, dtype=torch.float64)
        basis = torch.fft.rfft(torch.diag(window / window.sum())).T  # (bin, frame_samples)
        self.bins = len(basis)
        # the imaginary part of bin 0 is 0 and left out
        kernels = torch.cat([basis.real, basis.imag[1:]])[:, None]  # (2 bin - 1, 1, frame_samples)
        # fixed by the frame's length, so it is no part of the weights
        self.register_buffer("kernels", kernels.float(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, time = x.shape
        x = x.reshape(batch * channels, 1, time)
        x = F.conv1d(x, self.kernels, stride=self.hop_samples)  # (batch * channel, part, frame)
        mean, real, imaginary = x.tensor_split((1, self.bins), dim=1)
        magnitude = torch.sqrt(real * real + imaginary * imaginary + _POWER_FLOOR)
        x = torch.cat([mean, magnitude], dim=1)  # (batch * channel, bin, frame)
        return x.reshape(batch, channels * self.bins, -1)
