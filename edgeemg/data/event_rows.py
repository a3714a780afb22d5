"""Events, breaks and invalid samples in, rows of `_events.tsv` out, and back.

The file holds the rows of a recording one after another; the sensor's own index may jump.

    trial_type    one row for
    a label       each `Event`: `sensor_index` and `length` restore it exactly
    boundary      each break in time: `sensor_index` is the sensor's own index at that row
    bad           a stretch of one channel that is recorded but not to be trusted
    bad_missing   a stretch of one channel where nothing is known; the file holds the last value

The names begin with `bad` because other readers (MNE) leave such stretches out by themselves.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from edgeemg.data.bdf import Annotation
from edgeemg.data.sidecars import tsv_rows
from edgeemg.dsp.samples import Event, Samples
from edgeemg.errors import RecordingError

REST = "rest"  # what importers and the generator call a stretch without a word
BOUNDARY = "boundary"
BAD = "bad"
MISSING = "bad_missing"
RESERVED = frozenset({BOUNDARY, BAD, MISSING, "n/a"})
_NOT_APPLICABLE = "n/a"
_LARGEST_INDEX = 2**62  # leaves room in 64 bits
COLUMNS = ("onset", "duration", "trial_type", "sample", "sensor_index", "length", "channel")


@dataclass(frozen=True, slots=True)
class EventRow:
    """One row of `_events.tsv`; onset and duration count rows of the file, not the sensor's time.

    sample        row of the file at which it begins, from 0
    rows          how many rows of the file it covers
    sensor_index  the sensor's own index at its beginning
    length        how many samples of the sensor it covers
    channel       name, for `bad` and `bad_missing`; empty for the others
    """

    trial_type: str
    sample: int
    rows: int
    sensor_index: int
    length: int
    channel: str = ""


def event_rows(
    samples: Samples, events: Sequence[Event], channels: Sequence[str]
) -> list[EventRow]:
    """All rows for a recording, in order of time; RecordingError for a label that cannot be one."""
    rows = [*_label_rows(samples, events), *_boundary_rows(samples)]
    for column, name in enumerate(channels):
        missing = ~np.isfinite(samples.microvolts[:, column])
        distrusted = ~samples.valid[:, column] & ~missing
        rows += _stretches(samples.index, missing, MISSING, name)
        rows += _stretches(samples.index, distrusted, BAD, name)
    return sorted(rows, key=lambda row: (row.sample, row.trial_type != BOUNDARY, row.sensor_index))


def format_rows(rows: Iterable[EventRow], sample_rate_hz: float) -> str:
    """Rows -> the text of `_events.tsv`."""
    lines = ["\t".join(COLUMNS)]
    for row in rows:
        onset_s = row.sample / sample_rate_hz
        duration_s = row.rows / sample_rate_hz
        cells = (onset_s, duration_s, row.trial_type, row.sample, row.sensor_index, row.length)
        lines.append("\t".join(map(str, (*cells, row.channel or _NOT_APPLICABLE))))
    return "\n".join(lines) + "\n"


def annotations(rows: Iterable[EventRow], sample_rate_hz: float) -> list[Annotation]:
    """Labels and boundaries as BDF+ annotations; bad stretches concern single channels."""
    return [
        Annotation(row.sample / sample_rate_hz, row.rows / sample_rate_hz, row.trial_type)
        for row in rows
        if row.trial_type not in (BAD, MISSING)
    ]


def parse_rows(text: str, where: str) -> list[EventRow]:
    """The text of `_events.tsv` -> rows; RecordingError with `where` and the line otherwise."""
    rows = []
    for line, cells in enumerate(tsv_rows(text, where, COLUMNS), start=2):
        try:
            rows.append(_row(cells))
        except ValueError as error:
            raise RecordingError(f"{where}, line {line}: {error}") from error
    return rows


def restore_events(rows: Iterable[EventRow]) -> tuple[Event, ...]:
    """The labelled events among the rows."""
    return tuple(
        Event(row.sensor_index, row.length, row.trial_type)
        for row in rows
        if row.trial_type not in RESERVED
    )


def restore_index(
    rows: Iterable[EventRow], n_samples: int, first_index: int, where: str
) -> NDArray[np.int64]:
    """(time,) the sensor's own index of each row of the file."""
    index = np.arange(first_index, first_index + n_samples, dtype=np.int64)
    breaks = sorted((row.sample, row.sensor_index) for row in rows if row.trial_type == BOUNDARY)
    if breaks:
        at, restored = np.array(breaks, dtype=np.int64).T
        jumps = np.zeros(n_samples, dtype=np.int64)
        np.add.at(jumps, at, np.diff(restored - index[at], prepend=0))
        index += np.cumsum(jumps)
    if (np.diff(index) <= 0).any():
        raise RecordingError(f"{where}: the sensor's index does not rise at every boundary")
    return index


def mark_bad(
    rows: Iterable[EventRow],
    microvolts: NDArray[np.float32],
    valid: NDArray[np.bool_],
    channels: Sequence[str],
    where: str,
) -> None:
    """Clear `valid` on every bad stretch, and put NaN where nothing was recorded; in place."""
    column_of = {name: column for column, name in enumerate(channels)}
    for row in rows:
        if row.trial_type not in (BAD, MISSING):
            continue
        if row.channel not in column_of:
            raise RecordingError(f"{where}: channel {row.channel!r} is not in channels.tsv")
        stretch = slice(row.sample, row.sample + row.length)
        valid[stretch, column_of[row.channel]] = False
        if row.trial_type == MISSING:
            microvolts[stretch, column_of[row.channel]] = np.nan


def check_rows(rows: Iterable[EventRow], n_samples: int, where: str) -> None:
    """RecordingError for a row that begins or ends outside the file."""
    for row in rows:
        last = row.sample + (row.rows if row.trial_type in (BAD, MISSING) else 0)
        inside = row.sample < n_samples or row.trial_type not in RESERVED
        if not inside or last > n_samples:
            raise RecordingError(
                f"{where}: {row.trial_type!r} at row {row.sample} is outside the recording "
                f"of {n_samples} rows"
            )


def _label_rows(samples: Samples, events: Sequence[Event]) -> Iterator[EventRow]:
    for event in sorted(events, key=lambda event: event.index):
        label = event.label
        if label in RESERVED or not label.isprintable() or label != label.strip() or not label:
            raise RecordingError(
                f"{label!r} cannot be a label: it is empty, has blanks around it or tabs in it, "
                f"or is one of {', '.join(sorted(RESERVED))}"
            )
        start, stop = np.searchsorted(samples.index, [event.index, event.index + event.length])
        yield EventRow(label, int(start), int(stop - start), event.index, event.length)


def _boundary_rows(samples: Samples) -> Iterator[EventRow]:
    for row in (np.flatnonzero(np.diff(samples.index) != 1) + 1).tolist():
        yield EventRow(BOUNDARY, row, 0, int(samples.index[row]), 0)


def _stretches(
    index: NDArray[np.int64], bad: NDArray[np.bool_], trial_type: str, channel: str
) -> Iterator[EventRow]:
    """One row for each run of `bad` that no break in time interrupts."""
    if not bad.any():
        return
    changes = (bad[1:] != bad[:-1]) | (np.diff(index) != 1)
    edges = [0, *(np.flatnonzero(changes) + 1).tolist(), len(bad)]
    for start, stop in pairwise(edges):
        if bad[start]:
            length = stop - start
            yield EventRow(trial_type, start, length, int(index[start]), length, channel)


def _row(cells: dict[str, str]) -> EventRow:
    trial_type, channel = cells["trial_type"], cells["channel"]
    sample, sensor_index, length = (
        int(cells[name]) for name in ("sample", "sensor_index", "length")
    )
    if not trial_type:
        raise ValueError("the row has no trial_type")
    if sample < 0 or length < 0 or max(length, abs(sensor_index)) > _LARGEST_INDEX:
        raise ValueError(f"{sample}, {sensor_index} and {length} cannot be places in a recording")
    rows = length if trial_type in (BAD, MISSING) else 0
    return EventRow(
        trial_type,
        sample,
        rows,
        sensor_index,
        length,
        "" if channel == _NOT_APPLICABLE else channel,
    )
