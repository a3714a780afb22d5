"""Where a model comes from: what a manifest says of its training, and of its calibration."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Training:
    """Where the weights come from.

    digests  of the recordings (edgeemg.dsp.identical.digest): so that nobody takes them for new
    """

    data: str
    protocol: str
    licence: str
    generated: bool
    recordings: int
    trials: int
    seed: int
    metrics: dict[str, Any] = field(default_factory=dict)
    digests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Calibration:
    """How a bundle was fitted to other electrodes, and what that brought.

    source, source_sha256  the bundle that it was made from: its folder's name, its manifest's seal
    created        when
    data           what it was fitted on
    digests        of those recordings (edgeemg.dsp.identical.digest)
    trials         of each label
    head           how the last layer was fitted (runtime.fitting.HEADS)
    scale_fitted   whether `scale` was, too
    protocol       how before and after were judged
    before, after  balanced accuracy over the held-out trials, of the source and of this one
    """

    source: str
    source_sha256: str
    created: str
    data: str
    digests: tuple[str, ...]
    trials: dict[str, int]
    head: str
    scale_fitted: bool
    protocol: str
    before: float
    after: float
