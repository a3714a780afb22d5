"""Recordings in; scaled inputs for training, validation and test out."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeemg.dsp.inputs import fitted_scale, scaled
from edgeemg.dsp.samples import Recording
from edgeemg.errors import ModelError
from edgeemg.manifest import Band
from edgeemg.train.front_ends import design
from edgeemg.train.splits import Parts
from edgeemg.train.trials import LabelledWindows, check_alike, cut_windows

CLIP = 8.0  # in units of scale: an electrode pop cannot set the range of an int8 input


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """inputs (window, channel, time) float32, each window's class, and the trial it is from.

    recordings  the recording of each window, counted from 0; None where that is not known
    """

    inputs: NDArray[np.float32]
    classes: NDArray[np.int64]
    trials: NDArray[np.int64]
    recordings: NDArray[np.int64] | None = None

    @property
    def n_trials(self) -> int:
        """How many trials have a window here."""
        return len(np.unique(self.trials))


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Everything that a network is trained and tested on, and how it was made.

    scale      microvolts a unit of input, one a band and channel, from the training part only
    left_out   trials that lie next to one of another part
    without_window  events that gave no window, by recording
    """

    train: Part
    validation: Part
    test: Part
    labels: tuple[str, ...]
    bands: tuple[Band, ...]
    scale: tuple[float, ...]
    sample_rate_hz: float
    channels: tuple[str, ...]
    window_samples: int
    hop_samples: int
    protocol: str
    left_out: int
    without_window: Counter[str]


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """Recordings filtered and cut into windows once, before any split of them."""

    windows: LabelledWindows
    bands: tuple[Band, ...]
    sample_rate_hz: float
    channels: tuple[str, ...]
    window_samples: int
    hop_samples: int


def cut(recordings: Sequence[Recording], *, front_end: str, window_ms: float, hop_ms: float) -> Cut:
    """Filter and cut. RecordingError for recordings that are not alike, ModelError for lengths
    that do not fit or a single label."""
    check_alike(recordings)
    first = recordings[0]
    rate = first.samples.sample_rate_hz
    window, hop = _samples(window_ms, rate), _samples(hop_ms, rate)
    if not 1 <= hop <= window:
        raise ModelError(
            f"--hop-ms must lie between one sample ({1000 / rate:g} ms) and --window-ms, "
            f"got {hop_ms:g} of {window_ms:g} ms"
        )
    bands = design(front_end, rate, first.mains_hz)
    windows = cut_windows(recordings, bands, window=window, hop=hop)
    if len(windows.labels) < 2:
        raise ModelError(f"there is one label only ({windows.labels[0]}): at least 2 are needed")
    return Cut(windows, bands, rate, first.channels, window, hop)


def divided(cut: Cut, parts: Parts) -> Dataset:
    """The parts of a split, scaled by what the training part alone says."""
    windows = cut.windows
    scale = fitted_scale(windows.values[np.isin(windows.trial, parts.train)])
    return Dataset(
        train=_part(windows, parts.train, scale),
        validation=_part(windows, parts.validation, scale),
        test=_part(windows, parts.test, scale),
        labels=windows.labels,
        bands=cut.bands,
        scale=scale,
        sample_rate_hz=cut.sample_rate_hz,
        channels=cut.channels,
        window_samples=cut.window_samples,
        hop_samples=cut.hop_samples,
        protocol=parts.protocol,
        left_out=len(parts.left_out),
        without_window=windows.without_window,
    )


def spread(part: Part, count: int, *, seed: int) -> NDArray[np.float32]:
    """Up to `count` windows, as many of each class in each recording as there are.

    What int8 is calibrated on: rest is one of the classes, and a short or quiet session counts as
    much as a long one.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(part.classes))
    where = np.zeros_like(part.classes) if part.recordings is None else part.recordings
    _, stratum = np.unique(np.stack([part.classes, where]), axis=1, return_inverse=True)
    rank = np.empty(len(order), dtype=np.int64)  # the how-manieth of its stratum each window is
    for one in np.unique(stratum):
        members = order[stratum[order] == one]
        rank[members] = np.arange(len(members))
    chosen = np.lexsort((order, rank))[:count]
    return part.inputs[np.sort(chosen)]


def _samples(milliseconds: float, rate: float) -> int:
    return round(milliseconds * rate / 1000)


def _part(
    windows: LabelledWindows,
    members: NDArray[np.int64],
    scale: Sequence[float],
) -> Part:
    chosen = np.isin(windows.trial, members)
    inputs = scaled(windows.values[chosen], scale=scale, clip=CLIP)
    classes = windows.classes(windows.labels)[chosen]
    return Part(inputs, classes, windows.trial[chosen], windows.recordings[chosen])
