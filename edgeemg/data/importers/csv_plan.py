"""The heads of a user's tables and what the user said in, what to read from every table out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeemg.data.importers.imported import CsvLayout
from edgeemg.data.tables import Head, has_other_mark, has_rows, is_number, read_head
from edgeemg.errors import RecordingError

_LABEL_COLUMNS = ("label", "word", "class", "trial_type")
_TIME_COLUMNS = ("time", "timestamp", "t", "sample", "index", "sample_index", "time_s", "time_ms")
_MICROVOLTS_A_UNIT = {"uV": 1.0, "mV": 1e3, "V": 1e6}
_NO_NUMBER = ("", "nan", "na", "n/a", "null", "none", "-")
UNITS = (*_MICROVOLTS_A_UNIT, "counts")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is read from every file. `label_column` is empty where the file's name is the label."""

    rate_hz: float
    channels: tuple[str, ...]
    ignored: tuple[str, ...]
    label_column: str
    delimiter: str
    microvolts_a_unit: float


def make_plan(paths: Sequence[Path], source: Path, layout: CsvLayout) -> Plan:
    """The plan for all tables of `source`, from the first that has rows.

    RecordingError where none has, or where the user has to say more.
    """
    path = _first_with_rows(paths, source)
    if layout.rate_hz is None:
        raise RecordingError(f"{path} does not say its sample rate: pass --rate, in Hz")
    if layout.unit == "counts" and layout.scale is None:
        raise RecordingError("--unit counts needs --scale, the microvolts of one count")
    head = read_head(path, delimiter=layout.delimiter)
    label_column = "" if layout.label_from == "name" else _label_column(path, head, layout)
    aside = {label_column, *(name for name in head.columns if name.lower() in _TIME_COLUMNS)}
    channels = layout.channels or _number_columns(path, head, aside, layout.decimal)
    if not channels:
        raise RecordingError(
            f"{path} has no column of numbers besides labels and times (its columns: "
            f"{', '.join(head.columns)[:200]}): name them with --channels"
        )
    return Plan(
        rate_hz=layout.rate_hz,
        channels=channels,
        ignored=tuple(name for name in head.columns if name not in (*channels, label_column)),
        label_column=label_column,
        delimiter=head.delimiter,
        microvolts_a_unit=layout.scale or _MICROVOLTS_A_UNIT[layout.unit],
    )


def _first_with_rows(paths: Sequence[Path], source: Path) -> Path:
    first = next((path for path in paths if has_rows(path)), None)
    if not first:
        raise RecordingError(
            f"{source}: wanted rows below a header, got none in any of {len(paths)} tables"
        )
    return first


def _number_columns(path: Path, head: Head, aside: set[str], decimal: str) -> tuple[str, ...]:
    """Columns whose first cell is a number. A number with the other decimal mark is an error:
    leaving its column out would lose a channel.
    """
    found = []
    for name, cell in zip(head.columns, head.first_row, strict=False):
        if name in aside:
            continue
        if has_other_mark(cell, decimal):
            raise RecordingError(
                f"{path}: {name} begins with {cell!r}, and the decimal mark is {decimal!r}: "
                "pass --decimal, or name the columns to read with --channels"
            )
        # a gap in a channel is told with its line, not by losing the channel
        is_gap = cell.strip().lower() in _NO_NUMBER and name.lower() not in _LABEL_COLUMNS
        if is_number(cell, decimal) or is_gap:
            found.append(name)
    return tuple(found)


def _label_column(path: Path, head: Head, layout: CsvLayout) -> str:
    if layout.label_column:
        return layout.label_column  # read_table says so where a file lacks it
    found = [name for name in head.columns if name.lower() in _LABEL_COLUMNS]
    if len(found) != 1:
        raise RecordingError(
            f"{path} has {len(found) or 'no'} columns that look like labels (its columns: "
            f"{', '.join(head.columns)[:200]}): pass --label-column, or --label-from name"
        )
    return found[0]
