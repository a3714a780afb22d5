"""Microvolts over time, with the sensor's own clock and an honest mask."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """A stretch of EMG.

    microvolts      (time, channel) float32; NaN where nothing is known
    sample_rate_hz  nominal rate of the sensor
    index           (time,) int64: the sensor's own sample index, strictly rising;
                    a step above 1 is a break in time
    valid           (time, channel) bool: False where a sample is missing or not to be trusted
    arrived_s       host monotonic seconds at which the last byte was read; NaN for a recording
    """

    microvolts: NDArray[np.float32]
    sample_rate_hz: float
    index: NDArray[np.int64]
    valid: NDArray[np.bool_]
    arrived_s: float = math.nan

    def __post_init__(self) -> None:
        if self.microvolts.ndim != 2:
            raise ValueError(f"microvolts must be (time, channel), got {self.microvolts.shape}")
        if self.index.shape != self.microvolts.shape[:1]:
            raise ValueError(f"index must be {self.microvolts.shape[:1]}, got {self.index.shape}")
        if self.valid.shape != self.microvolts.shape:
            raise ValueError(f"valid must be {self.microvolts.shape}, got {self.valid.shape}")
        if not self.sample_rate_hz > 0:
            raise ValueError(f"sample_rate_hz must be above 0, got {self.sample_rate_hz}")
        if len(self.index) > 1 and not (np.diff(self.index) > 0).all():
            raise ValueError("index must rise strictly")

    @classmethod
    def contiguous(
        cls,
        microvolts: ArrayLike,
        sample_rate_hz: float,
        *,
        first_index: int = 0,
        arrived_s: float = math.nan,
    ) -> "Samples":
        """Samples without a break, from (time, channel) microvolts; only finite is valid."""
        values: NDArray[np.float32] = np.asarray(microvolts, dtype=np.float32)
        index = np.arange(first_index, first_index + len(values), dtype=np.int64)
        return cls(values, float(sample_rate_hz), index, np.isfinite(values), arrived_s)

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, rows: slice) -> "Samples":
        return self._derived(self.microvolts[rows], self.index[rows], self.valid[rows])

    @property
    def n_channels(self) -> int:
        return int(self.microvolts.shape[1])

    def columns(self, positions: Sequence[int]) -> "Samples":
        """Only these channels, in this order."""
        chosen = list(positions)
        return self._derived(self.microvolts[:, chosen], self.index, self.valid[:, chosen])

    def bands(self, microvolts: NDArray[np.float32]) -> "Samples":
        """The same rows, filtered: (time, band * channel), valid in each band where they were."""
        n_bands = microvolts.shape[1] // self.n_channels
        valid = self.valid if n_bands == 1 else np.tile(self.valid, (1, n_bands))
        return self._derived(microvolts, self.index, valid)

    def finite(self) -> "Samples":
        """Without the rows in which a channel is NaN or infinite: those become breaks in time."""
        keep = np.isfinite(self.microvolts).all(axis=1)
        if keep.all():
            return self
        return self._derived(self.microvolts[keep], self.index[keep], self.valid[keep])

    def runs(self) -> Iterator["Samples"]:
        """The pieces between breaks in time, in order."""
        if not len(self):
            return
        if self.index[-1] - self.index[0] == len(self) - 1:
            yield self
            return
        starts = [0, *(np.flatnonzero(np.diff(self.index) != 1) + 1).tolist(), len(self)]
        for start, stop in pairwise(starts):
            yield self[start:stop]

    def _derived(
        self,
        microvolts: NDArray[np.float32],
        index: NDArray[np.int64],
        valid: NDArray[np.bool_],
    ) -> "Samples":
        """Rows or channels of these samples: what was checked once is not checked again.

        The runtime takes pieces of pieces at every hop; checking each costs more than filtering.
        """
        piece = object.__new__(Samples)
        put = object.__setattr__  # it is frozen
        put(piece, "microvolts", microvolts)
        put(piece, "sample_rate_hz", self.sample_rate_hz)
        put(piece, "index", index)
        put(piece, "valid", valid)
        put(piece, "arrived_s", self.arrived_s)
        return piece


def join(pieces: list[Samples]) -> Samples:
    """One stretch from several that follow each other; breaks between them stay breaks."""
    if not pieces:
        raise ValueError("join needs at least one piece")
    last_index: float = -math.inf
    for piece in pieces:
        if len(piece) and piece.index[0] <= last_index:
            raise ValueError("index must rise strictly")
        last_index = piece.index[-1] if len(piece) else last_index
    return pieces[-1]._derived(
        np.concatenate([piece.microvolts for piece in pieces]),
        np.concatenate([piece.index for piece in pieces]),
        np.concatenate([piece.valid for piece in pieces]),
    )


@dataclass(frozen=True, slots=True)
class Event:
    """A labelled stretch: `length` samples of `label` from the sensor's sample index `index` on."""

    index: int
    length: int
    label: str


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """One recording in memory: samples, what happened in them, and where they come from.

    channels   one name a column of `samples.microvolts`
    subject, session, task, run   its BIDS entities, without the prefix (`run` may be empty)
    mains_hz   mains frequency at the place of recording; None where unknown
    generated  True for synthetic EMG: everything made from it has to say so
    about      the rest of the sidecar, under its BIDS keys: "License", "Warnings", "Source" ...
    """

    samples: Samples
    events: tuple[Event, ...]
    channels: tuple[str, ...]
    subject: str
    session: str
    task: str
    run: str
    mains_hz: float | None
    generated: bool
    about: dict[str, Any]

    @property
    def name(self) -> str:
        """`sub-01_ses-A_task-covert_run-1`: unique in a data set."""
        run = f"_run-{self.run}" if self.run else ""
        return f"sub-{self.subject}_ses-{self.session}_task-{self.task}{run}"

    @property
    def licence(self) -> str:
        """The licence of the data set; says so where it is not known."""
        return str(self.about.get("License") or "licence not stated")

    @property
    def warnings(self) -> tuple[str, ...]:
        """What has to be said beside every number made from this recording."""
        return tuple(str(one) for one in self.about.get("Warnings", ()))
