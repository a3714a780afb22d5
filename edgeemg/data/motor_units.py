"""Muscle excitation over time in, electrode potentials as a converter samples them out.

A muscle is a pool of motor units. Excitation recruits them by size and sets their rates
(Fuglevand, Winter & Patla 1993, J Neurophysiol 70:2470). A discharge sends a current tripole
along the fibres of its unit, from the end-plate to both tendons, through an anisotropic
conductor; the potential at an electrode follows from the distances (Merletti, Lo Conte, Avignone
& Guglielminotti 1999, IEEE Trans Biomed Eng 46:810). So depth and distance weaken a potential and
blur it, and an electrode picks up its neighbours' muscles too.

The face is unrolled onto a plane: x mm from the mid-line, y mm up from where the lips meet, depth
mm below the skin.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CONTROL_HZ = 200.0  # excitation is smooth: nothing a muscle is told changes faster
UNITS = 40  # motor units a muscle; real ones have 50 to 200, whose sum is already noise-like here

# Fuglevand, Winter & Patla 1993: recruitment and rate coding
_RECRUITMENT_RANGE = 30.0  # threshold of the last unit over that of the first
_SIZE_RANGE = 30.0  # fibres of the last unit over those of the first
_SLOWEST_HZ = 8.0  # rate at recruitment
_FASTEST_HZ = 35.0  # ceiling of the first unit; that of the last is lower by the drop
_FASTEST_DROP_HZ = 10.0
_HZ_PER_EXCITATION = 1.0
_INTERVAL_CV = 0.2  # of the intervals between discharges

# Merletti et al. 1999: charges of the tripole and their distance behind its front
_TRIPOLE = ((1.0, 0.0), (-1.435, 0.303 * 7.0), (0.435, 7.0))  # relative current, mm
_ANISOTROPY = 6.0  # conductivity along the fibres over that across them

_SKIN_MM = 4.5  # skin and fat over a muscle
_FIBRES = 6  # that stand for all fibres of a unit
_PIECE = 4096  # discharges summed at a time: bounds memory, fits the cache
_CLOCK_HZ = 4000.0  # at least; discharges happen on its ticks
_MICROVOLTS_MM = 900_000.0  # fitted: brings generated words to the level of recorded ones


@dataclass(frozen=True, slots=True)
class Muscle:
    """A straight bundle of fibres below the skin.

    strength is its share of fibres, tone its excitation at rest, both relative.
    """

    name: str
    x_mm: float
    y_mm: float
    angle_deg: float  # of the fibres, from x towards y
    half_length_mm: float
    depth_mm: float
    spread_mm: float  # standard deviation of where its units lie
    strength: float
    tone: float = 1.0


# Centres, directions and lengths of an adult's right side, rounded from anatomy atlases.
MUSCLES = (
    Muscle("zygomaticus major", 44, 22, 55, 25, 6, 4, 1.0),
    Muscle("orbicularis oris", 14, -6, 0, 18, 4, 3, 0.8),
    Muscle("depressor anguli oris", 29, -20, 80, 17, 4, 3, 0.8),
    Muscle("mentalis", 6, -33, 80, 9, 5, 3, 0.8),
    Muscle("masseter", 72, -8, 75, 25, 9, 8, 2.0),
    Muscle("digastric anterior", 9, -62, 85, 20, 7, 3, 1.0),
    Muscle("mylohyoid", 20, -66, 35, 20, 11, 6, 1.5),
    Muscle("sternohyoid", 9, -105, 90, 30, 6, 5, 1.0),
    # holds the head; its upper end is under the reference, so every channel has some of it
    Muscle("sternocleidomastoid", 70, -60, 55, 60, 9, 8, 1.6, tone=3.5),
)


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """The motor units of one muscle of one person, smallest first.

    direction   (2,) of the fibres, in the plane of the skin
    end_plate   (unit, fibre, 3) x, y, depth in mm
    reach_mm    (unit, fibre, 2) from the end-plate to either tendon
    mm_per_ms   (unit,) conduction velocity
    size        (unit,) fibres, relative
    """

    direction: Floats
    end_plate: Floats
    reach_mm: Floats
    mm_per_ms: Floats
    size: Floats


def vary(muscle: Muscle, rng: np.random.Generator) -> Muscle:
    """The same muscle in another person: moved, turned, deeper or shallower, stronger or weaker."""
    return replace(
        muscle,
        x_mm=muscle.x_mm + 3.5 * rng.standard_normal(),
        y_mm=muscle.y_mm + 3.5 * rng.standard_normal(),
        angle_deg=muscle.angle_deg + 8.0 * rng.standard_normal(),
        depth_mm=muscle.depth_mm * float(np.exp(0.15 * rng.standard_normal())),
        strength=muscle.strength * float(np.exp(0.25 * rng.standard_normal())),
    )


def grow(muscle: Muscle, rng: np.random.Generator) -> Pool:
    """Motor units placed at random in a muscle."""
    angle = np.deg2rad(muscle.angle_deg)
    direction = np.array([np.cos(angle), np.sin(angle)])
    across = np.array([-direction[1], direction[0]])
    place = muscle.spread_mm * rng.standard_normal((UNITS, 1, 2))
    place = place + 0.8 * rng.standard_normal((UNITS, _FIBRES, 2))  # fibres within their unit
    # end-plates lie in a band across the muscle, not always in its middle (Lapatki et al. 2006,
    # J Neurophysiol 95:342)
    band = 0.2 * muscle.half_length_mm * rng.standard_normal()
    along = band + 3.0 * rng.standard_normal((UNITS, _FIBRES))
    along = np.clip(along, -0.7 * muscle.half_length_mm, 0.7 * muscle.half_length_mm)
    end_plate = np.empty((UNITS, _FIBRES, 3))
    end_plate[..., :2] = np.array([muscle.x_mm, muscle.y_mm]) + along[..., None] * direction
    end_plate[..., :2] += place[..., :1] * across
    end_plate[..., 2] = np.maximum(_SKIN_MM + muscle.depth_mm + 0.4 * place[..., 1], 2.0)
    tendon = muscle.half_length_mm + 3.0 * rng.standard_normal((UNITS, _FIBRES, 2))
    rank = np.arange(1, UNITS + 1) / UNITS
    return Pool(
        direction=direction,
        end_plate=end_plate,
        reach_mm=np.maximum(tendon - np.stack([along, -along], axis=-1), 1.0),
        mm_per_ms=2.7 + 0.8 * rank + 0.15 * rng.standard_normal(UNITS),
        size=muscle.strength * _SIZE_RANGE**rank / _SIZE_RANGE,
    )


class Potentials:
    """What a discharge of each unit of a pool adds to each channel, as the converter sees it.

    electrodes_mm  (channel, 2) x, y; the reference is the last row of (channel + 1, 2)

    The converter is a third-order sinc decimator, the one in the ADS1299 (data sheet, "Digital
    decimation filter"): it droops by 12 dB at half the sample rate, and lets some of what is above
    through, folded. Discharges lie on a clock of `ticks` a sample, and there
    is one sampled response for each tick: exact, and nothing is ever made at the higher rate.
    """

    def __init__(self, pool: Pool, electrodes_mm: Floats, sample_rate_hz: float) -> None:
        self._ticks = max(2, int(np.ceil(_CLOCK_HZ / sample_rate_hz)))
        self._clock_hz = self._ticks * sample_rate_hz
        self._channels = len(electrodes_mm) - 1
        waves = _unit_potentials(pool, electrodes_mm, self._clock_hz)
        waves = waves[:, :-1] - waves[:, -1:]  # (unit, channel, tick)
        sampled = _convolve(waves, _sinc3(self._ticks))
        taps = -(-sampled.shape[-1] // self._ticks)
        padded = np.zeros((*sampled.shape[:2], taps * self._ticks))
        padded[..., : sampled.shape[-1]] = sampled
        by_phase = padded.reshape(*sampled.shape[:2], taps, self._ticks)
        self._responses = by_phase.transpose(0, 3, 2, 1)  # (unit, phase, tap, channel)

    def sum(self, units: NDArray[np.int64], at_s: Floats, samples: int) -> Floats:
        """Discharges (unit, second) -> (samples, channel) microvolts."""
        order = np.argsort(at_s, kind="stable")
        tick = np.floor(at_s[order] * self._clock_hz).astype(np.int64)
        first = -(-tick // self._ticks)  # the first sample that a discharge reaches
        phase = first * self._ticks - tick
        taps = self._responses.shape[2]
        total = np.zeros((max(samples, int(first.max(initial=0)) + 1) + taps, self._channels))
        for start in range(0, len(first), _PIECE):
            piece = slice(start, start + _PIECE)
            responses = self._responses[units[order[piece]], phase[piece]]
            rows = (first[piece] - first[start])[:, None, None] + np.arange(taps)[:, None]
            cells = rows * self._channels + np.arange(self._channels)  # (discharge, tap, channel)
            summed = np.bincount(cells.ravel(), responses.ravel())
            reached = total[first[start] : first[start] + len(summed) // self._channels]
            reached += summed.reshape(reached.shape)
        return total[:samples]


def discharges(excitation: Floats, rng: np.random.Generator) -> tuple[NDArray[np.int64], Floats]:
    """(time,) excitation at CONTROL_HZ, 1 = all a muscle can -> units and seconds of discharges.

    The interval between discharges is drawn in units of the mean interval and stretched by the
    rate of the moment, so that rates may change at any time.
    """
    rank = np.arange(1, UNITS + 1) / UNITS
    thresholds = _RECRUITMENT_RANGE**rank
    ceilings = _FASTEST_HZ - _FASTEST_DROP_HZ * thresholds / _RECRUITMENT_RANGE
    most = _RECRUITMENT_RANGE + (ceilings[-1] - _SLOWEST_HZ) / _HZ_PER_EXCITATION
    drive = most * np.clip(excitation, 0.0, 1.0)
    seconds = np.arange(1, len(drive) + 1) / CONTROL_HZ
    units, at_s = [], []
    for unit, (threshold, ceiling) in enumerate(zip(thresholds, ceilings, strict=True)):
        above = drive - threshold
        rate = np.minimum(_SLOWEST_HZ + _HZ_PER_EXCITATION * above, ceiling)
        elapsed = np.cumsum(np.where(above >= 0, rate, 0.0)) / CONTROL_HZ  # in mean intervals
        # 1.3: intervals vary, and there must be enough of them
        intervals = 1.0 + _INTERVAL_CV * rng.standard_normal(int(1.3 * elapsed[-1]) + 10)
        due = np.cumsum(np.maximum(intervals, 0.3)) - rng.random()
        due = due[(due > 0) & (due < elapsed[-1])]
        at_s.append(np.interp(due, elapsed, seconds))
        units.append(np.full(len(due), unit, dtype=np.int64))
    return np.concatenate(units), np.concatenate(at_s)


def converter_gain(frequency_hz: Floats, sample_rate_hz: float) -> Floats:
    """Amplitude that a third-order sinc decimator to `sample_rate_hz` passes."""
    gain: Floats = np.abs(np.sinc(frequency_hz / sample_rate_hz)) ** 3
    return gain


def _unit_potentials(pool: Pool, electrodes_mm: Floats, clock_hz: float) -> Floats:
    """(unit, electrode, tick) microvolts of one discharge at the end-plates' tick 0."""
    away = electrodes_mm[:, None, None] - pool.end_plate[..., :2]  # (electrode, unit, fibre, 2)
    along = away @ pool.direction
    across_squared = (away**2).sum(axis=-1) - along**2 + pool.end_plate[..., 2] ** 2
    far = (_ANISOTROPY * across_squared)[..., None]  # (electrode, unit, fibre, 1)
    slowest_ms = float((pool.reach_mm.max() + _TRIPOLE[-1][1]) / pool.mm_per_ms.min())
    tick_ms = np.arange(int(np.ceil(slowest_ms * clock_hz / 1000.0)) + 1) * 1000.0 / clock_hz
    travelled = (pool.mm_per_ms[:, None] * tick_ms)[:, None]  # (unit, 1, tick)
    potential = np.zeros((*along.shape, len(tick_ms)))
    for side, sign in enumerate((1.0, -1.0)):
        for charge, behind_mm in _TRIPOLE:
            # a pole appears at the end-plate and dies at the tendon, where the charges cancel
            place = sign * np.clip(travelled - behind_mm, 0.0, pool.reach_mm[..., side, None])
            potential += charge / np.sqrt((along[..., None] - place) ** 2 + far)
    scaled: Floats = _MICROVOLTS_MM * pool.size[:, None] * potential.mean(axis=2)
    return scaled.transpose(1, 0, 2)


def _sinc3(ticks: int) -> Floats:
    """Impulse response of a third-order sinc decimator, gain 1 at 0 Hz."""
    box = np.full(ticks, 1.0 / ticks)
    return np.convolve(np.convolve(box, box), box)


def _convolve(waves: Floats, response: Floats) -> Floats:
    length = waves.shape[-1] + len(response) - 1
    spectrum = np.fft.rfft(waves, length) * np.fft.rfft(response, length)
    convolved: Floats = np.fft.irfft(spectrum, length)
    return convolved
