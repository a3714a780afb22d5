"""Shrinkage LDA on fixed features: (batch, channel, time) -> (batch, class) logits.

The yardstick: a network that does not beat it under the same protocol is not finished.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgeemg.errors import ModelError, needs_extra

_STD_SEGMENTS = 8
_MEAN_SEGMENTS = 12
_DIFFERENCE_SEGMENTS = 5
_BANDS = 8
_SHORTEST = 2 * _MEAN_SEGMENTS  # samples: a difference or a deviation needs two in a segment
# A tenth of the scale squared, and a thirtieth: a row that is flat for a while has a logarithm too,
# and what a filter leaves far outside its band does not count.
_POWER_FLOOR = 1e-2
_DIFFERENCE_FLOOR = 3e-2
# A feature is divided by its standard deviation, or by this where it varies less. Without it, and
# without the centre, features that hardly vary got weights of hundreds, and float32 logits were off
# float64 ones by 7e-3; with both by 4e-5.
_LEAST_SPREAD = 0.2
_AT_ONCE = 512  # windows whose features are made together


class Lda(nn.Module):
    """Fixed features of each row (a band of a sensor channel), then one linear layer.

    Of a row of n samples, 33 numbers:
    - log standard deviation in 8 segments, and log mean absolute difference from sample to sample
      in 5 segments: amplitude and waveform length, two of the time-domain features of Hudgins et
      al. 1993 (doi:10.1109/10.204774)
    - mean in 12 segments: slow movement of lip, jaw and electrode, as the low-frequency means of
      Jou et al. 2006 (Interspeech, EMG speech recognition)
    - log power in 8 bands of equal ratio, from the first bin to half the sample rate, of one
      Hann-windowed periodogram without its mean; the DFT is a fixed matrix product. In short
      windows two bands may fall on one bin, and then there are fewer.
    Segments are equal; samples that fill none at the end are left out of that feature.

    `solve` sets the linear layer: linear discriminants with the pooled covariance shrunk by the
    rule of Ledoit and Wolf 2004 (doi:10.1016/S0047-259X(03)00096-4), priors as in training.
    Nothing is trained step by step, and nothing is random.

    8 channels x 200 samples x 10 classes: 2,650 parameters, 335 k multiply-accumulates.
    """

    basis: Tensor  # (time, 2 * bin)
    bands: Tensor  # (2 * bin, band)
    centre: Tensor  # (channel * feature,)

    def __init__(self, channels: int, window_samples: int, classes: int) -> None:
        super().__init__()
        if window_samples < _SHORTEST:
            raise ModelError(
                f"model 'lda' cannot work on windows of {window_samples} samples, it needs at "
                f"least {_SHORTEST}: use a longer --window-ms"
            )
        basis, bands = _spectrum(window_samples)
        # fixed by the window's length, so they are no part of the weights
        self.register_buffer("basis", torch.from_numpy(basis), persistent=False)
        self.register_buffer("bands", torch.from_numpy(bands), persistent=False)
        features = _STD_SEGMENTS + _DIFFERENCE_SEGMENTS + _MEAN_SEGMENTS + bands.shape[1]
        self.register_buffer("centre", torch.zeros(channels * features))
        self.head = nn.Linear(channels * features, classes)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.features(x) - self.centre)
        return out

    def features(self, x: Tensor) -> Tensor:
        """(batch, channel, time) -> (batch, channel * feature)."""
        stretches = _segments(x, _STD_SEGMENTS)  # (batch, channel, 8, time / 8)
        around = stretches - stretches.mean(dim=-1, keepdim=True)
        deviation = 0.5 * torch.log(around.square().mean(dim=-1) + _POWER_FLOOR)
        steps = _segments(x, _DIFFERENCE_SEGMENTS)
        difference = (steps[..., 1:] - steps[..., :-1]).abs().mean(dim=-1)
        spectrum = (x @ self.basis).square() @ self.bands  # (batch, channel, 8)
        parts = [
            deviation,
            torch.log(difference + _DIFFERENCE_FLOOR),
            _segments(x, _MEAN_SEGMENTS).mean(dim=-1),
            torch.log(spectrum + _POWER_FLOOR),
        ]
        return torch.cat(parts, dim=-1).flatten(1)

    def solve(self, inputs: NDArray[np.float32], classes: NDArray[np.int64]) -> None:
        """Set the linear layer from windows (window, channel, time) and their classes (window,).

        ModelError where a class has fewer than two: they give no spread.
        """
        few = np.flatnonzero(np.bincount(classes, minlength=self.head.out_features) < 2)
        if len(few):
            raise ModelError(
                f"model 'lda' needs at least 2 windows of every class, class "
                f"{', '.join(map(str, few))} (counted from 0) has fewer: record more of it, or "
                "leave its label out"
            )
        features = self._features_of(inputs)
        centre = features.mean(axis=0)
        weight, bias = _discriminants(features - centre, classes)
        with torch.no_grad():
            self.centre.copy_(torch.from_numpy(centre))
            self.head.weight.copy_(torch.from_numpy(weight))
            self.head.bias.copy_(torch.from_numpy(bias))

    def _features_of(self, inputs: NDArray[np.float32]) -> NDArray[np.float64]:
        with torch.no_grad():
            pieces = [
                self.features(torch.from_numpy(inputs[n : n + _AT_ONCE])).numpy()
                for n in range(0, len(inputs), _AT_ONCE)
            ]
        return np.concatenate(pieces).astype(np.float64)


def _segments(x: Tensor, count: int) -> Tensor:
    """(batch, channel, time) -> (batch, channel, count, time // count)."""
    length = x.shape[-1] // count
    return x[..., : count * length].reshape(x.shape[0], x.shape[1], count, length)


def _spectrum(samples: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The DFT as a product, (time, 2 * bin), and what its squares give to bands, (2 * bin, band).

    White noise of variance 1 has power 1 in every band, but 5/6 in the first bin: a Hann taper puts
    some of the mean there, and the mean is gone.
    """
    taper = np.hanning(samples)
    bins = np.arange(1, samples // 2 + 1)
    angle = 2 * np.pi * np.outer(np.arange(samples), bins) / samples
    basis = taper[:, None] * np.concatenate([np.cos(angle), np.sin(angle)], axis=1)
    basis -= basis.mean(axis=0)  # the product takes the mean of the window away
    edges = np.unique(np.rint(np.geomspace(1, bins[-1] + 1, _BANDS + 1)))
    band = np.digitize(bins, edges) - 1
    members = (band[:, None] == np.arange(len(edges) - 1)).astype(np.float64)
    share = np.tile(members / members.sum(axis=0), (2, 1)) / np.square(taper).sum()
    return basis.astype(np.float32), share.astype(np.float32)


def _discriminants(
    features: NDArray[np.float64], classes: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weights (class, feature) and bias (class,) on centred features (window, feature)."""
    with needs_extra("train", "training lda"):
        from sklearn.covariance import LedoitWolf
        from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    spread = np.maximum(features.std(axis=0), _LEAST_SPREAD)
    # not shrinkage="auto": it standardises again, class by class, and without a least spread
    shrunk = LedoitWolf(store_precision=False)
    solved = LinearDiscriminantAnalysis(solver="lsqr", covariance_estimator=shrunk)
    solved.fit(features / spread, classes)
    weight, bias = solved.coef_ / spread, solved.intercept_
    if len(weight) == 1:  # of two classes it gives the difference only
        weight, bias = np.outer([-0.5, 0.5], weight), np.outer([-0.5, 0.5], bias)[:, 0]
    return weight, bias
