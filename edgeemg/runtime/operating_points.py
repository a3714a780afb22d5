"""Stretches of recordings in; false activations against misses and delay out, as a curve."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgeemg.manifest import DecisionSettings, Manifest
from edgeemg.runtime.event_metrics import EventCounts
from edgeemg.runtime.stretches import Stretch, total

_SHIFTS = np.arange(-3.0, 9.1, 0.75)  # log-odds; 0 is among them
_STRUCTURES = ((1, 1), (3, 2), (5, 4))  # smoothing and agreement, hops; the manifest's besides
_NEVER, _ALWAYS = 1 - 1e-9, 1e-9  # thresholds of 0 and 1 have no log-odds


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """Settings and what comes of them; `is_own` marks the manifest's own."""

    settings: DecisionSettings
    counts: EventCounts
    is_own: bool


def curve(stretches: Sequence[Stretch], manifest: Manifest) -> list[OperatingPoint]:
    """Every threshold shifted by the same log-odds, so that labels keep thresholds of their own.

    First the manifest's smoothing and agreement, then a few others, each from low to high.
    """
    own = manifest.decision
    kinds = dict.fromkeys([(own.smoothing_hops, own.agreement_hops), *_STRUCTURES])
    tried = [
        replace(shifted(own, float(one)), smoothing_hops=smoothing, agreement_hops=agreement)
        for smoothing, agreement in kinds
        for one in _SHIFTS
    ]
    return [OperatingPoint(one, total(stretches, one), one == own) for one in tried]


def shifted(settings: DecisionSettings, log_odds: float) -> DecisionSettings:
    """The same settings, with every threshold higher by so many log-odds."""
    if not log_odds:
        return settings
    return replace(
        settings,
        threshold=_shifted(settings.threshold, log_odds),
        thresholds={label: _shifted(one, log_odds) for label, one in settings.thresholds.items()},
    )


def _shifted(threshold: float, log_odds: float) -> float:
    inner = min(max(threshold, _ALWAYS), _NEVER)
    return float(1 / (1 + (1 - inner) / inner * np.exp(-log_odds)))
