"""The level of a channel in, a word for how its electrode sits and what to do about it out."""

import math
from collections.abc import Sequence
from typing import Protocol

from edgeemg.dsp.samples import Samples

# Mains of usable electrodes: of every connected channel of a recorded set (all of
# MateusAquino/subvocalization-emg, OpenBCI Cyton), 99 % of the seconds hold at most 302 uV RMS, and
# at most 12 times what else is there. Mains alone is no fault: the front end takes it out.
_MUCH_MAINS_UV = 500.0
_MUCH_MAINS_SHARE = 10.0  # and this many times the rest: an unknown amplifier scales both
_REMEDIES = {
    "off": "the sensor says that this electrode is off: press it on, wet it or put a new one",
    "missing": "the sensor sends no values: look at the cable",
    "railed": "beyond the sensor's range: press on this electrode and the reference, or clean skin",
    "flat": "nothing moves: is the electrode plugged in, and not shorted?",
}


class Level(Protocol):
    """One channel over the last second.

    rms_uv  microvolts without offset and mains; NaN where too little came
    fault   off, missing, railed or flat; None where it is well
    hum_hz  50 or 60 where most of the power is mains; None otherwise
    hum_uv  RMS of it
    """

    @property
    def rms_uv(self) -> float: ...
    @property
    def fault(self) -> str | None: ...
    @property
    def hum_hz(self) -> float | None: ...
    @property
    def hum_uv(self) -> float: ...


class Meter(Protocol):
    """Holds the last second of samples: `edgeemg.data.level_meter.LevelMeter`."""

    def take(self, samples: Samples) -> None:
        """The next samples: (time, channel)."""
        ...

    def clear(self) -> None:
        """Forget: what came is long ago."""
        ...

    def levels(self) -> Sequence[Level]:
        """One for each channel."""
        ...


def contact(level: Level) -> dict[str, str | float | None]:
    """What a page shows of a channel.

    word      good, noisy, railed, flat, off or missing; waiting while too little came
    remedy    what to do; empty where nothing is to be done
    level_uv  RMS without offset and mains; None where unknown, or where a fault leaves no muscle
    mains_uv  RMS of the mains at `mains_hz`; None where it is not most of the power

    noisy: more than 500 uV of mains, and more than 10 times what else is there.
    """
    word, remedy = _judged(level)
    known = level.fault is None and math.isfinite(level.rms_uv)
    return {
        "word": word,
        "remedy": remedy,
        "level_uv": round(level.rms_uv, 1) if known else None,
        "mains_uv": None if level.hum_hz is None else round(level.hum_uv, 1),
        "mains_hz": level.hum_hz,
    }


def _judged(level: Level) -> tuple[str, str]:
    if level.fault is not None:
        return str(level.fault), _REMEDIES[level.fault]
    if math.isnan(level.rms_uv):
        return "waiting", ""
    if level.hum_uv > max(_MUCH_MAINS_UV, _MUCH_MAINS_SHARE * level.rms_uv):
        return "noisy", (
            f"mains at {level.hum_hz:g} Hz drowns the rest: press on this electrode and the "
            "ground, keep cables together and chargers away"
        )
    return "good", ""
