"""Wire frames in, what arrives of them out: what goes wrong on a link, on request.

The same seed gives the same damage.
"""

import math
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

_FRACTIONS = ("drop", "flip", "insert")
_LONGEST_RUN = 1 << 16  # bytes damaged in one go


@dataclass(frozen=True, slots=True)
class Faults:
    """What is to go wrong. Times are seconds of samples that the sensor streams; 0: never.

    drop     fraction of frames that are lost on the air; the sensor counts them all the same
    flip     fraction of bytes of which one bit arrives wrong
    insert   fraction of bytes behind which a stray byte arrives
    burst_s  bytes are held back and arrive together, this often
    stall_every_s, stall_s    this often, nothing arrives for this long: those samples are lost
    reboot_every_s, reboot_s  this often, the sensor loses its power for this long
    unplug_every_s, unplug_s  this often, the port is gone for this long; the sensor goes on
    clock_ppm                 how much faster the sensor's clock runs than the host's
    seed                      of what is left to chance

    Raises ValueError for a fraction outside 0..1, a time that is none, a pause without a length,
    or a clock that is off by more than a tenth.
    """

    drop: float = 0.0
    flip: float = 0.0
    insert: float = 0.0
    burst_s: float = 0.0
    stall_every_s: float = 0.0
    stall_s: float = 0.0
    reboot_every_s: float = 0.0
    reboot_s: float = 1.0
    unplug_every_s: float = 0.0
    unplug_s: float = 1.0
    clock_ppm: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in _FRACTIONS and not 0 <= value <= 1:
                raise ValueError(f"{field.name} must be a fraction in 0..1, got {value}")
            if field.name.endswith("_s") and not 0 <= value < math.inf:
                raise ValueError(f"{field.name} must be a time that is not negative, got {value}")
        for kind, _, long_s in self.pauses():
            if not long_s:
                raise ValueError(f"{kind}_s must be above 0 where {kind}_every_s is, got {long_s}")
        if not abs(self.clock_ppm) <= 1e5:
            raise ValueError(f"clock_ppm must be within 100,000, got {self.clock_ppm:g}")

    def pauses(self) -> tuple[tuple[str, float, float], ...]:
        """Name, how often and how long of each that is asked for, seconds."""
        kinds = ("stall", "reboot", "unplug")
        every = ((kind, getattr(self, f"{kind}_every_s")) for kind in kinds)
        return tuple((kind, often, getattr(self, f"{kind}_s")) for kind, often in every if often)


class FaultyLine:
    """Frames go in, damaged bytes come out.

    dropped_frames, flipped_bytes, inserted_bytes  what was done so far
    """

    def __init__(self, faults: Faults) -> None:
        self.dropped_frames = 0
        self.flipped_bytes = 0
        self.inserted_bytes = 0
        self._faults = faults
        self._rng = np.random.default_rng(faults.seed)

    def carry(self, frames: list[bytes]) -> bytes:
        """What arrives of these frames."""
        faults = self._faults
        if faults.drop:
            heard = self._rng.random(len(frames)) >= faults.drop
            self.dropped_frames += int((~heard).sum())
            frames = [frame for frame, came in zip(frames, heard, strict=True) if came]
        sent = b"".join(frames)
        if not (faults.flip or faults.insert):
            return sent
        pieces = range(0, len(sent), _LONGEST_RUN)
        return b"".join(self._damaged(sent[at : at + _LONGEST_RUN]) for at in pieces)

    def _damaged(self, sent: bytes) -> bytes:
        data: NDArray[np.uint8] = np.frombuffer(sent, np.uint8).copy()
        hit = self._rng.random(len(data)) < self._faults.flip
        data[hit] ^= (1 << self._rng.integers(0, 8, int(hit.sum()))).astype(np.uint8)
        self.flipped_bytes += int(hit.sum())
        behind = np.flatnonzero(self._rng.random(len(data)) < self._faults.insert) + 1
        stray = self._rng.integers(0, 256, len(behind)).astype(np.uint8)
        self.inserted_bytes += len(behind)
        return np.insert(data, behind, stray).tobytes()
