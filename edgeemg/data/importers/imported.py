"""What every importer takes and gives back."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edgeemg.dsp.samples import Recording
from edgeemg.errors import RecordingError

Progress = Callable[[Sequence[Path]], Iterable[Path]]
"""Hands on the files one by one, and may show how far it is."""


@dataclass(frozen=True, slots=True)
class CsvLayout:
    """How to read tables of one's own; see `edgeemg.data.importers.csv_tables`.

    rate_hz           sample rate; None where the user did not say
    channels          column names; empty for every numeric column that is neither label nor time
    unit, scale       uV, mV, V or counts; `scale` is microvolts a unit (needed for counts)
    label_column      column of labels; empty to look for one named label, word or class
    label_from        `column`, or `name`: the file's name up to the first _, or `label_pattern`
    label_pattern     regular expression over the file's name; its first group is the label
    rest_label        this label is written as `rest`
    mains_hz          50, 60, or None where unknown
    delimiter         of the table; empty to find out
    decimal           mark of its numbers, point or comma
    name, licence     of the data set, for its description; the licence may be empty
    """

    rate_hz: float | None = None
    channels: tuple[str, ...] = ()
    unit: str = "uV"
    scale: float | None = None
    label_column: str = ""
    label_from: str = "column"
    label_pattern: str = ""
    rest_label: str = ""
    mains_hz: float | None = None
    subject: str = "01"
    session: str = "1"
    task: str = "speech"
    delimiter: str = ""
    decimal: str = "."
    name: str = "surface EMG from tables"
    licence: str = ""


@dataclass(frozen=True, slots=True)
class ImportSettings:
    """What the user may choose. `min_trial_ms`: shorter trials are skipped by name."""

    keep_bad_channels: bool = False
    min_trial_ms: float = 500.0
    csv: CsvLayout = CsvLayout()


@dataclass(frozen=True, slots=True)
class Skipped:
    """One trial that was not imported."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Imported:
    """Recordings, and what was left out of them. `notes` are sentences for the user."""

    recordings: tuple[Recording, ...]
    skipped: tuple[Skipped, ...] = ()
    dropped_channels: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


Importer = Callable[[Path, ImportSettings, Progress], Imported]


def files_below(source: Path, suffixes: Sequence[str], wanted: str) -> list[Path]:
    """`source` itself if it is such a file, else every such file below it, sorted."""
    if not source.exists():
        raise RecordingError(f"{source}: there is no such file or folder")
    candidates = [source] if source.is_file() else sorted(source.rglob("*"))
    found = [path for path in candidates if path.name.endswith(tuple(suffixes)) and path.is_file()]
    if not found:
        raise RecordingError(f"{source} holds no {wanted}")
    return found
