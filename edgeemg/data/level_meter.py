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
        self._made: dict[tuple[float, int], tuple[NDArray[np.float64], NDArray[np.float64]]] = {}
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
        there = np.isfinite(values)
        signal = _without_lines(values, there)
        rms_uv = _rms(signal, there)
        hum_hz, hum = self._hum(signal)
        hum_uv, left_uv = np.sqrt((hum**2).mean(axis=0)), _rms(signal - hum, there)
        hums = (hum_uv > _LEAST_HUM_UV) & (hum_uv**2 > _HUM_SHARE * rms_uv**2)
        faults = self._faults(values, there, valid, rms_uv)
        return [
            self._level(fault, float(rms), float(left), float(hz) if is_hum else None, float(uv))
            for fault, rms, left, hz, uv, is_hum in zip(
                faults, rms_uv, left_uv, hum_hz, hum_uv, hums, strict=True
            )
        ]

    def _level(
        self,
        fault: Fault | None,
        rms_uv: float,
        left_uv: float,
        hum_hz: float | None,
        hum_uv: float,
    ) -> Level:
        if fault is Fault.MISSING:
            return Level(float("nan"), fault)
        if fault is not None:
            return Level(rms_uv, fault)
        return Level(left_uv) if hum_hz is None else Level(left_uv, None, hum_hz, hum_uv)

    def _faults(
        self,
        values: NDArray[np.float32],
        there: NDArray[np.bool_],
        valid: NDArray[np.bool_],
        rms_uv: NDArray[np.float64],
    ) -> list[Fault | None]:
        """One a channel; the arrays are (time, channel), rms_uv (channel,)."""
        # the driver distrusts both ends of the range, and electrodes that the sensor calls off
        low_uv, high_uv = self._rails_uv
        slack_uv = 1.5 * self._count_uv
        doubted = there & ~valid
        railed = doubted & ((values <= low_uv + slack_uv) | (values >= high_uv - slack_uv))
        came, doubts = there.sum(axis=0), doubted.sum(axis=0)
        choices = {
            Fault.MISSING: came < _MUCH * len(values),
            Fault.RAILED: (doubts > _MUCH * came) & (railed.sum(axis=0) > 0.5 * doubts),
            Fault.OFF: doubts > _MUCH * came,
            Fault.FLAT: rms_uv < _COUNTS_OF_NOISE * self._count_uv,
        }
        return [
            next((fault for fault, found in choices.items() if found[n]), None)
            for n in range(values.shape[1])
        ]

    def _hum(self, signal: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(time, channel) -> each channel's stronger mains frequency, and the sine that fits it."""
        best_hz, best = np.zeros(signal.shape[1]), np.zeros_like(signal)
        for hz in self._mains_hz:
            sines, solve = self._sines(hz, len(signal))
            fit = sines @ (solve @ signal)
            stronger = (fit**2).sum(axis=0) > (best**2).sum(axis=0)
            best_hz, best = np.where(stronger, hz, best_hz), np.where(stronger, fit, best)
        return best_hz, best

    def _sines(self, hz: float, n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(n, 2) sine and cosine, and (2, n) what gives their least-squares amplitudes."""
        if (hz, n) not in self._made:
            turn = 2 * np.pi * hz / self._rate_hz * np.arange(n)
            sines = np.stack([np.sin(turn), np.cos(turn)], axis=1)
            self._made = {one: made for one, made in self._made.items() if one[1] == n}
            self._made[hz, n] = sines, np.linalg.pinv(sines)
        return self._made[hz, n]


def _rms(signal: NDArray[np.float64], there: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(time, channel) -> (channel,), over what came."""
    power = (signal**2).sum(axis=0, where=there) / np.maximum(there.sum(axis=0), 1)
    root: NDArray[np.float64] = np.sqrt(power)
    return root


def _without_lines(values: NDArray[np.float32], there: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(time, channel) less each channel's straight line; 0 where nothing came."""
    time = np.arange(len(values), dtype=np.float64)[:, np.newaxis]
    known = np.where(there, values, 0).astype(np.float64)
    n = np.maximum(there.sum(axis=0), 1)
    middle, mean = (time * there).sum(axis=0) / n, known.sum(axis=0) / n
    centred = np.where(there, time - middle, 0)
    slope = (centred * known).sum(axis=0) / np.maximum((centred**2).sum(axis=0), 1e-12)
    return np.where(there, known - mean - slope * (time - middle), 0)
