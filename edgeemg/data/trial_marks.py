"""Marks that a recorder left among samples in, labelled trials out, and those left out with why.

A mark is an event of a journal: `trial` and `rest` begin a labelled stretch, `skip` takes one back.
Now and then a journal lists the numbers of all that were taken back, for where a skip is lost.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edgeemg.dsp.gaps import longest_bridge
from edgeemg.dsp.samples import Event
from edgeemg.errors import RecordingError
from edgeemg.typed_json import build

Break = tuple[int, int]  # the first missing sample index, and the first that is there again
MISSING = "missing"  # what a reader puts among events where `blocks` of a file are lost
TAKEN_BACK = "taken_back"  # of an event: the numbers of all stretches that were taken back so far
OVERLAPPED = "another labelled stretch overlaps it"


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


def breaks_in(
    index: NDArray[np.int64], after: int | None = None, before: int | None = None
) -> list[Break]:
    """Where a rising index jumps. It lies behind `after` and ends before `before`, where given."""
    around = (np.array([] if one is None else [one], np.int64) for one in (after, before))
    whole = np.concatenate([next(around), index, next(around)])
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


def taken_back(events: Iterable[tuple[int, dict[str, Any]]]) -> dict[int, str]:
    """Numbers of the stretches that were taken back, or may have been, with the reason.

    A lost block may have been a skip. Where a list behind it says nothing, the last words before it
    are in doubt, as many as blocks are lost, and what began behind them.
    """
    listed: set[int] = set()
    doubtful: set[int] = set()
    begun: list[Mark] = []
    for at, event in events:
        begun += [mark for mark in marks_among([(at, event)]) if mark.what != "skip"]
        if event.get("what") == MISSING:
            doubtful |= _last(begun, n_words=event["blocks"])
        if isinstance(numbers := event.get(TAKEN_BACK), list):
            listed = {n for n in numbers if isinstance(n, int)}
            doubtful = set()
    return {
        **dict.fromkeys(doubtful, "it may have been taken back: what came behind it is damaged"),
        **dict.fromkeys(listed, "taken back; why is lost"),
    }


def _last(begun: Sequence[Mark], *, n_words: int) -> set[int]:
    """Numbers of the last words and of what began behind the first of them."""
    words = [n for n, mark in enumerate(begun) if mark.what == "trial"]
    first = words[-n_words:][0] if words else 0
    return {mark.number for mark in begun[first:]}


def overlapped(marks: Iterable[Mark]) -> set[int]:
    """Numbers of stretches that went on when another began, and of that other: neither is sure."""
    going_on: list[Mark] = []
    found: set[int] = set()
    for mark in marks:
        if mark.what == "skip":
            going_on = [one for one in going_on if one.number != mark.number]
            continue
        going_on = [one for one in going_on if one.index + one.length > mark.index]
        others = {one.number for one in going_on if one.index < mark.index + mark.length}
        found |= {mark.number, *others} if others else set()
        going_on.append(mark)
    return found


def trials(
    marks: Sequence[Mark],
    index: NDArray[np.int64],
    sample_rate_hz: float,
    *,
    whole: NDArray[np.int64] | None = None,
    lost_skips: Mapping[int, str] = MappingProxyType({}),
) -> tuple[list[Event], list[dict[str, str]]]:
    """Marks and the index of all samples -> events, and the trials that are none.

    Those are {"name": ..., "reason": ...}, as `SkippedTrials` of a sidecar. `whole` is the index of
    the samples that have every channel, where not all do; `lost_skips` is from `taken_back`.
    """
    reasons = {
        **dict.fromkeys(overlapped(marks), OVERLAPPED),
        **lost_skips,
        **{mark.number: mark.reason for mark in marks if mark.what == "skip"},
    }
    first, last = int(index[0]), int(index[-1])
    breaks = breaks_in(index if whole is None else whole, first - 1, last + 1)
    events, skipped = [], []
    for mark in marks:
        if mark.what == "skip":
            continue
        reason = reasons.get(mark.number) or gap_in(breaks, mark.index, mark.length, sample_rate_hz)
        if not reason and not (first <= mark.index and mark.index + mark.length <= last + 1):
            reason = "the recording ends before it does"
        if reason:
            skipped.append({"name": f"{mark.label} at {mark.index}", "reason": reason})
        else:
            events.append(Event(mark.index, mark.length, mark.label))
    return events, skipped
