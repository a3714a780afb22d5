"""Recordings in, labelled windows out, each with the trial that it comes from."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edgeemg.dsp.inputs import filtered
from edgeemg.dsp.samples import Event, Recording, Samples
from edgeemg.dsp.windows import LEAST_TRUST, trust
from edgeemg.errors import RecordingError
from edgeemg.manifest import Band

# A window takes the label of an event when it holds this share of it, or it of the window.
# Below, it shows some of one word and some of another, and teaches neither.
_SHARE = 0.75
REST_NAMES = ("rest", "silence", "$silence", "relax", "idle")


@dataclass(frozen=True, slots=True)
class Trial:
    """One labelled event that gave windows.

    recording    name of its recording; whose, and in which session
    label        what it is
    first, last  the sensor's index of the first and last sample that any of its windows holds:
                 windows reach beyond the event itself
    """

    recording: str
    label: str
    first: int
    last: int
    subject: str = ""
    session: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class LabelledWindows:
    """Labelled windows of filtered samples.

    values  (window, time, band * channel) float32 microvolts
    trial   (window,) int64 position in `trials`
    without_window  events that gave none, by recording: too near a break in time, missing
            samples or a channel that was off
    """

    values: NDArray[np.float32]
    trial: NDArray[np.int64]
    trials: tuple[Trial, ...]
    without_window: Counter[str] = field(default_factory=Counter)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that occur, sorted."""
        return tuple(sorted({trial.label for trial in self.trials}))

    def classes(self, labels: Sequence[str]) -> NDArray[np.int64]:
        """(window,) position of each window's label in `labels`."""
        position = {label: n for n, label in enumerate(labels)}
        by_trial = np.array([position[trial.label] for trial in self.trials], dtype=np.int64)
        return by_trial[self.trial]

    @property
    def recordings(self) -> NDArray[np.int64]:
        """(window,) which recording each window is from, counted from 0."""
        _, by_trial = np.unique([trial.recording for trial in self.trials], return_inverse=True)
        of_windows: NDArray[np.int64] = by_trial.astype(np.int64)[self.trial]
        return of_windows


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
) -> LabelledWindows:
    """Filter each recording causally and cut it into labelled windows, one every hop samples.

    No window crosses a break in time, or holds a channel that is off for more than the runtime
    would stand (dsp.windows.LEAST_TRUST). An event without a window is counted in
    `without_window` under its recording's name. RecordingError when nothing is left.
    """
    values: list[NDArray[np.float32]] = []
    owners: list[int] = []
    trials: list[Trial] = []
    without_window: Counter[str] = Counter()
    for recording in recordings:
        samples = filtered(recording.samples, [band.sections for band in bands])
        for event in recording.events:
            pieces = _windows_of(samples, event, window=window, hop=hop)
            if not pieces:
                without_window[recording.name] += 1
                continue
            first, last = int(pieces[0].index[0]), int(pieces[-1].index[-1])
            whose, when = recording.subject, recording.session
            trials.append(Trial(recording.name, event.label, first, last, whose, when))
            values.extend(piece.microvolts for piece in pieces)
            owners.extend([len(trials) - 1] * len(pieces))
    if not trials:
        raise RecordingError(
            f"no whole window of {window} samples fits any of {sum(without_window.values())} "
            "trials (breaks in time, missing samples, channels that are off): "
            "use a shorter --window-ms, or look at `edgeemg data info`"
        )
    return LabelledWindows(
        np.stack(values), np.array(owners, dtype=np.int64), tuple(trials), without_window
    )


def find_rest(labels: Sequence[str]) -> str | None:
    """The label that means rest, by the names people give it; None if there is none."""
    for label in labels:
        if label.casefold() in REST_NAMES:
            return label
    return None


def _windows_of(samples: Samples, event: Event, *, window: int, hop: int) -> list[Samples]:
    """The windows that carry this event's label, in order.

    They lie on a grid of hops from the event's onset, so that every trial gives a first window
    at the same phase.
    """
    if window > len(samples):
        return []
    needed = int(np.ceil(_SHARE * min(window, event.length)))
    before = (window - needed) // hop * hop
    pieces = []
    for start in range(event.index - before, event.index + event.length - needed + 1, hop):
        row = int(np.searchsorted(samples.index, start))
        piece = samples[row : row + window]
        if len(piece) < window or piece.index[0] != start:
            continue
        if piece.index[-1] != start + window - 1:
            continue  # a break in time lies inside
        shared = min(start + window, event.index + event.length) - max(start, event.index)
        if shared >= needed and trust(piece.valid) >= LEAST_TRUST:
            pieces.append(piece)
    return pieces
