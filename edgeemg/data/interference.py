"""A number of samples and channels in, all that an electrode gives besides muscle out.

Every function returns (time, channel) microvolts. Channels share one reference electrode, so each
kind has a part that is common to all channels.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeemg.data.motor_units import Floats, converter_gain

_MOST_OFFSET_UV = 60_000.0  # a third of the Cyton's range: room for everything else


def offset_and_drift(
    rng: np.random.Generator, samples: int, channels: int, sample_rate_hz: float
) -> Floats:
    """Half-cell potentials: thousands of microvolts, settling over a minute, wandering since."""
    seconds = np.arange(samples)[:, None] / sample_rate_hz
    common = rng.standard_normal()
    offset = 10_000.0 * (0.5 * common + 0.85 * rng.standard_normal(channels))
    offset = np.clip(offset, -_MOST_OFFSET_UV, _MOST_OFFSET_UV)
    settling = 500.0 * rng.standard_normal(channels) * np.exp(-seconds / 60.0)
    wander = coloured(
        rng, samples, channels + 1, sample_rate_hz, lambda f: 8.0 / np.maximum(f, 0.02) ** 1.25
    )
    return offset + settling + 0.7 * (wander[:, 1:] + wander[:, :1])


def electrode_noise(
    rng: np.random.Generator, samples: int, channels: int, sample_rate_hz: float
) -> Floats:
    """Noise of skin, electrode and amplifier: white, and rising below 10 Hz."""
    level = 0.22 * np.exp(0.2 * rng.standard_normal(channels + 1))

    def density(frequency_hz: Floats) -> Floats:
        rising: Floats = np.hypot(1.0, 8.0 / np.maximum(frequency_hz, 0.1))
        return rising * _folded(frequency_hz, sample_rate_hz)

    noise: Floats = level * coloured(rng, samples, channels + 1, sample_rate_hz, density)
    return noise[:, 1:] - noise[:, :1]


def mains_hum(
    rng: np.random.Generator,
    samples: int,
    channels: int,
    sample_rate_hz: float,
    mains_hz: float,
) -> Floats:
    """Hum with harmonics; amplitude and phase differ by channel and change slowly."""
    slow = coloured(rng, samples, 2, sample_rate_hz, lambda f: 3.0 * (f < 0.1) * (f > 0))
    cycles = np.cumsum(mains_hz + 0.01 * slow[:, 0]) / sample_rate_hz
    phase = 2 * np.pi * cycles[:, None]
    loudness = 1.0 + 0.1 * np.clip(slow[:, 1:], -3, 3)
    level = 130.0 * np.exp(0.6 * rng.standard_normal() + 0.6 * rng.standard_normal(channels))
    hum = np.zeros((samples, channels))
    # hum is not a sine; from a converter at 250 Hz the third harmonic of 50 Hz comes out at 100 Hz
    for harmonic, share in ((1, 1.0), (2, 0.04), (3, 0.06), (5, 0.02)):
        passed = float(converter_gain(np.array(harmonic * mains_hz), sample_rate_hz))
        lag = 0.7 * rng.standard_normal(channels)
        hum += share * passed * level * np.cos(harmonic * phase + lag)
    return loudness * hum


def movements(
    rng: np.random.Generator, samples: int, channels: int, sample_rate_hz: float
) -> Floats:
    """Bursts below 5 Hz that have nothing to do with words: head, cable, breath; 8 a minute."""
    moved = np.zeros((samples, channels))
    for _ in range(rng.poisson(8.0 * samples / sample_rate_hz / 60.0)):
        centre_s, width_s = rng.uniform(0, samples / sample_rate_hz), rng.uniform(0.3, 1.5)
        size = 40.0 * np.exp(0.8 * rng.standard_normal())
        pattern = size * (0.7 * rng.standard_normal() + 0.7 * rng.standard_normal(channels))
        rows = _rows(centre_s - width_s / 2, width_s, samples, sample_rate_hz)
        turn = 2 * np.pi * (np.arange(rows.start, rows.stop) / sample_rate_hz - centre_s) / width_s
        shape = (0.5 + 0.5 * np.cos(turn)) * np.cos(turn + rng.uniform(0, 2 * np.pi))
        moved[rows] += np.outer(shape, pattern)
    return moved


def pops(rng: np.random.Generator, samples: int, channels: int, sample_rate_hz: float) -> Floats:
    """Electrodes that let go for a moment: a decaying step on one channel every two minutes."""
    popped = np.zeros((samples, channels))
    for _ in range(rng.poisson(0.5 * samples / sample_rate_hz / 60.0)):
        rows = _rows(rng.uniform(0, samples / sample_rate_hz), 3.0, samples, sample_rate_hz)
        size = rng.choice([-1.0, 1.0]) * 300.0 * np.exp(0.8 * rng.standard_normal())
        since_s = np.arange(rows.stop - rows.start) / sample_rate_hz
        popped[rows, rng.integers(channels)] += size * np.exp(-since_s / rng.uniform(0.05, 0.3))
    return popped


def coloured(
    rng: np.random.Generator,
    samples: int,
    columns: int,
    sample_rate_hz: float,
    density: Callable[[Floats], NDArray[np.floating[Any]]],
) -> Floats:
    """(samples, columns) Gaussian noise; `density` is microvolts per root hertz at a frequency."""
    length = 1 << (samples - 1).bit_length()  # quick to transform; the surplus is cut off
    spectrum = np.fft.rfft(rng.standard_normal((columns, length)))
    frequency_hz = np.arange(spectrum.shape[1]) * sample_rate_hz / length
    spectrum *= density(frequency_hz) * np.sqrt(sample_rate_hz / 2.0)
    noise: Floats = np.fft.irfft(spectrum, length)
    return noise[:, :samples].T


def _folded(frequency_hz: Floats, sample_rate_hz: float) -> Floats:
    """Amplitude that is left of white noise behind the converter, what it folds back included."""
    folds = [
        converter_gain(frequency_hz + fold * sample_rate_hz, sample_rate_hz) ** 2
        for fold in (-2, -1, 0, 1, 2)
    ]
    left: Floats = np.sqrt(np.sum(folds, axis=0))
    return left


def _rows(start_s: float, length_s: float, samples: int, sample_rate_hz: float) -> slice:
    start, stop = np.array([start_s, start_s + length_s]) * sample_rate_hz
    return slice(max(0, int(start)), min(samples, int(stop)))
