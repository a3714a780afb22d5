"""Samples in, the level of each channel and what is wrong with it out: for a person's eyes."""

from collections import deque
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from edgeemg.dsp.samples import Samples

_WINDOW_S = 1.0  # whole seconds hold whole periods of 50 and of 60 Hz
_MUCH = 0.1  # share of samples that makes a fault of it
_HUM_SHARE = 0.5  # of the power
_LEAST_HUM_UV = 5.0  # a quiet channel is allowed a little
_MAINS_HZ = (50.0, 60.0)
_COUNTS_OF_NOISE = 0.5  # below this RMS nothing but the converter's rounding is left


class Fault(StrEnum):
    """What is wrong with a channel."""

    OFF = "off"  # the sensor says that the electrode is off
    MISSING = "missing"  # no values came
    RAILED = "railed"  # at the end of the converter's range
    FLAT = "flat"  # nothing moves


@dataclass(frozen=True, slots=True)
class Level:
    """One channel over the last second.

    rms_uv  microvolts, without a straight line and without the mains: what muscles and noise
            are; NaN where too little came
    fault   None where it is well
    hum_hz  50 or 60 where most of the power is hum of the mains; None otherwise
    hum_uv  RMS of that hum
    """

    rms_uv: float
    fault: Fault | None = None
    hum_hz: float | None = None
    hum_uv: float = 0.0


class LevelMeter:
    """Holds the last second of samples.

    rails_uv  the lowest and the highest microvolts that the sensor can send
    """

    def __init__(
        self,
        sample_rate_hz: float,
        n_channels: int,
        *,
        microvolts_per_count: float,
        rails_uv: tuple[float, float],
    ) -> None:
        self._rate_hz = sample_rate_hz
        self._n_channels = n_channels
        self._count_uv = microvolts_per_count
        self._rails_uv = rails_uv
        self._wanted = max(2, round(_WINDOW_S * sample_rate_hz))
        self._pieces: deque[Samples] = deque()
        self._held = 0
        self._mains_hz = [hz for hz in _MAINS_HZ if hz < sample_rate_hz / 2]

    def take(self, samples: Samples) -> None:
        """The next samples: (time, channel)."""
        if not len(samples):
            return
        self._pieces.append(samples)
        self._held += len(samples)
        while self._held - len(self._pieces[0]) >= self._wanted:
            self._held -= len(self._pieces.popleft())

    def clear(self) -> None:
        """Forget: what came is long ago."""
        self._pieces.clear()
        self._held = 0

    def levels(self) -> list[Level]:
        """One for each channel."""
        if self._held < self._wanted // 2:
            return [Level(float("nan"))] * self._n_channels
        values = np.concatenate([one.microvolts for one in self._pieces])[-self._wanted :]
        valid = np.concatenate([one.valid for one in self._pieces])[-self._wanted :]
        return [self._level(values[:, n], valid[:, n]) for n in range(self._n_channels)]

    def _level(self, values: NDArray[np.float32], valid: NDArray[np.bool_]) -> Level:
        there = np.isfinite(values)
        if there.mean() < _MUCH:
            return Level(float("nan"), Fault.MISSING)
        signal = _without_line(values, there)
        rms_uv = float(np.sqrt((signal[there] ** 2).mean()))
        fault = self._fault(values[there], valid[there], rms_uv)
        if fault is not None:
            return Level(rms_uv, fault)
        hum_hz, hum = self._hum(signal)
        left_uv = float(np.sqrt(((signal - hum)[there] ** 2).mean()))
        power = float((hum**2).mean())
        if power > _HUM_SHARE * rms_uv**2 and power > _LEAST_HUM_UV**2:
            return Level(left_uv, None, hum_hz, float(np.sqrt(power)))
        return Level(left_uv)

    def _fault(
        self, values: NDArray[np.float32], valid: NDArray[np.bool_], rms_uv: float
    ) -> Fault | None:
        if (~valid).mean() > _MUCH:
            # the driver distrusts both ends of the range, and electrodes that the sensor calls off
            low, high = self._rails_uv
            slack = 1.5 * self._count_uv
            railed = (values <= low + slack) | (values >= high - slack)
            return Fault.RAILED if railed[~valid].mean() > 0.5 else Fault.OFF
        return Fault.FLAT if rms_uv < _COUNTS_OF_NOISE * self._count_uv else None

    def _hum(self, signal: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """The stronger mains frequency, and the sine of it that fits best: (time,)."""
        best_hz, best = 0.0, np.zeros_like(signal)
        for hz in self._mains_hz:
            sines = self._sines(hz, len(signal))
            fit = sines @ np.linalg.lstsq(sines, signal, rcond=None)[0]
            if (fit**2).sum() > (best**2).sum():
                best_hz, best = hz, fit
        return best_hz, best

    def _sines(self, hz: float, n: int) -> NDArray[np.float64]:
        """(n, 2): sine and cosine."""
        turn = 2 * np.pi * hz / self._rate_hz * np.arange(n)
        return np.stack([np.sin(turn), np.cos(turn)], axis=1)


def _without_line(values: NDArray[np.float32], there: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(time,) less its straight line; 0 where nothing came."""
    time = np.arange(len(values), dtype=np.float64)
    known = np.where(there, values, 0).astype(np.float64)
    n = there.sum()
    middle, mean = (time * there).sum() / n, known.sum() / n
    centred = np.where(there, time - middle, 0)
    slope = (centred * known).sum() / max(float((centred**2).sum()), 1e-12)
    return np.where(there, known - mean - slope * (time - middle), 0)
