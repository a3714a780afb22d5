"""Marks that a recorder left among samples in, labelled trials out, and those left out with why.

A mark is an event of a journal: `trial` and `rest` begin a labelled stretch, `skip` takes one back.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edgeemg.dsp.gaps import longest_bridge
from edgeemg.dsp.samples import Event
from edgeemg.errors import RecordingError
from edgeemg.typed_json import build

Break = tuple[int, int]  # the first missing sample index, and the first that is there again


@dataclass(frozen=True, slots=True)
class Mark:
    """One labelled stretch, or the end of its being one.

    what    trial, rest, or skip
    number  of the stretch, from 0; a skip has the number of what it takes back
    index   the sensor's sample index at which it begins
    length  samples
    reason  of a skip
    age_ms  how long before the prompt the latest sample had arrived
    """

    what: Literal["trial", "rest", "skip"]
    number: int
    index: int
    length: int
    label: str
    reason: str = ""
    age_ms: float = 0.0

    def as_event(self) -> dict[str, Any]:
        """Plain JSON for a journal."""
        return asdict(self)


def marks_among(events: Iterable[tuple[int, dict[str, Any]]]) -> list[Mark]:
    """The marks among a journal's events; what is not one, or damaged, is left out."""
    marks = []
    for _, event in events:
        if event.get("what") not in ("trial", "rest", "skip"):
            continue
        try:
            mark = build(Mark, event, whole="a mark", error=RecordingError)
        except RecordingError:
            continue
        if mark.length > 0 and mark.index >= 0:
            marks.append(mark)
    return marks


def breaks_in(index: NDArray[np.int64], after: int | None = None) -> list[Break]:
    """Where a rising index jumps. `after` is the index before the first one, where there is one."""
    if not len(index):
        return []
    before = int(index[0]) - 1 if after is None else after
    if int(index[-1]) - before == len(index):
        return []
    whole = index if after is None else np.concatenate([[after], index])
    at = np.flatnonzero(np.diff(whole) > 1)
    return [(int(whole[n]) + 1, int(whole[n + 1])) for n in at]


def gap_in(breaks: Iterable[Break], index: int, length: int, sample_rate_hz: float) -> str:
    """Why the stretch cannot be a trial, in words; empty where it can.

    Gaps that the front end bridges do no harm.
    """
    lost = [
        min(stop, index + length) - max(start, index)
        for start, stop in breaks
        if start < index + length and stop > index
    ]
    if max(lost, default=0) <= longest_bridge(sample_rate_hz):
        return ""
    return f"{sum(lost)} of its {length} samples were lost"


def trials(
    marks: Sequence[Mark], index: NDArray[np.int64], sample_rate_hz: float
) -> tuple[list[Event], list[dict[str, str]]]:
    """Marks and the index of all samples -> events, and the trials that are none.

    Those are {"name": ..., "reason": ...}, as `SkippedTrials` of a sidecar.
    """
    taken_back = {mark.number: mark.reason for mark in marks if mark.what == "skip"}
    breaks = breaks_in(index)
    first, last = int(index[0]), int(index[-1])
    events, skipped = [], []
    for mark in marks:
        if mark.what == "skip":
            continue
        reason = taken_back.get(mark.number) or gap_in(
            breaks, mark.index, mark.length, sample_rate_hz
        )
        if not reason and not (first <= mark.index and mark.index + mark.length <= last + 1):
            reason = "the recording ends before it does"
        if reason:
            skipped.append({"name": f"{mark.label} at {mark.index}", "reason": reason})
        else:
            events.append(Event(mark.index, mark.length, mark.label))
    return events, skipped
