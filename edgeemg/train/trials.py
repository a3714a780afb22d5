"""Recordings in, labelled windows out, each with the trial that it comes from."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edgeemg.dsp.inputs import filtered
from edgeemg.dsp.samples import Event, Recording, Samples
from edgeemg.errors import RecordingError
from edgeemg.manifest import Band

# A window takes the label of an event when it holds this share of it, or it of the window.
# Below, it shows some of one word and some of another, and teaches neither.
_SHARE = 0.75
REST_NAMES = ("rest", "silence", "$silence", "relax", "idle")


@dataclass(frozen=True, slots=True)
class Trial:
    """One labelled event: in which recording (by name), as which event of it, and what."""

    recording: str
    order: int
    label: str


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Labelled windows of filtered samples.

    values  (window, time, band * channel) float32 microvolts
    trial   (window,) int64 position in `trials`
    """

    values: NDArray[np.float32]
    trial: NDArray[np.int64]
    trials: tuple[Trial, ...]
    too_short: Counter[str] = field(default_factory=Counter)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that occur, sorted."""
        return tuple(sorted({trial.label for trial in self.trials}))

    def classes(self, labels: Sequence[str]) -> NDArray[np.int64]:
        """(window,) position of each window's label in `labels`."""
        position = {label: n for n, label in enumerate(labels)}
        by_trial = np.array([position[trial.label] for trial in self.trials], dtype=np.int64)
        return by_trial[self.trial]


def check_alike(recordings: Sequence[Recording]) -> None:
    """Refuse recordings that cannot train one model: unlike rate, channels or mains."""
    if not recordings:
        raise RecordingError("no recordings to train on: import some with `edgeemg data import`")
    first = recordings[0]
    for other in recordings[1:]:
        for what, one, two in (
            ("sample rate", first.samples.sample_rate_hz, other.samples.sample_rate_hz),
            ("channels", first.channels, other.channels),
            ("mains frequency", first.mains_hz, other.mains_hz),
        ):
            if one != two:
                raise RecordingError(
                    f"{first.name} and {other.name} differ in {what} ({one} and {two}): "
                    "train on a part, with --subject, --session or --task"
                )


def cut_windows(
    recordings: Iterable[Recording], bands: Sequence[Band], *, window: int, hop: int
) -> Windows:
    """Filter each recording causally and cut it into labelled windows, one every hop samples.

    Windows never cross a break in time. A trial that no window fits is counted in `too_short`
    under its recording's name. RecordingError when nothing is left.
    """
    values: list[NDArray[np.float32]] = []
    owners: list[int] = []
    trials: list[Trial] = []
    too_short: Counter[str] = Counter()
    for recording in recordings:
        samples = filtered(recording.samples.finite(), [band.sections for band in bands])
        for order, event in enumerate(recording.events):
            pieces = _windows_of(samples, event, window=window, hop=hop)
            if not pieces:
                too_short[recording.name] += 1
                continue
            trials.append(Trial(recording.name, order, event.label))
            values.extend(pieces)
            owners.extend([len(trials) - 1] * len(pieces))
    if not trials:
        raise RecordingError(
            f"no trial is long enough for a window of {window} samples "
            f"({sum(too_short.values())} are shorter): use a shorter --window-ms"
        )
    return Windows(np.stack(values), np.array(owners, dtype=np.int64), tuple(trials), too_short)


def find_rest(labels: Sequence[str]) -> str | None:
    """The label that means rest, by the names people give it; None if there is none."""
    for label in labels:
        if label.casefold() in REST_NAMES:
            return label
    return None


def _windows_of(
    samples: Samples, event: Event, *, window: int, hop: int
) -> list[NDArray[np.float32]]:
    """The windows that carry this event's label, (time, channel) each.

    They lie on a grid of hops from the event's onset, so that every trial gives a first window
    at the same phase.
    """
    needed = int(np.ceil(_SHARE * min(window, event.length)))
    before = (window - needed) // hop * hop
    pieces = []
    for start in range(event.index - before, event.index + event.length - needed + 1, hop):
        row = int(np.searchsorted(samples.index, start))
        if row + window > len(samples) or samples.index[row] != start:
            continue
        if samples.index[row + window - 1] != start + window - 1:
            continue  # a break in time lies inside
        shared = min(start + window, event.index + event.length) - max(start, event.index)
        if shared >= needed:
            pieces.append(samples.microvolts[row : row + window])
    return pieces
