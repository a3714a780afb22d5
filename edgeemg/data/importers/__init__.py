"""Recordings in other layouts in, `Recording`s out; the layouts are in `IMPORTERS`."""

from collections.abc import Sequence
from pathlib import Path

from edgeemg.data.bids import write_recordings
from edgeemg.data.importers.csv_tables import read_csv_tables
from edgeemg.data.importers.identical import warn_of_identical
from edgeemg.data.importers.imported import Imported, Importer, ImportSettings, Progress
from edgeemg.data.importers.somach_semg import read_somach_semg
from edgeemg.data.importers.subvocal_emg import read_subvocal_emg

IMPORTERS: dict[str, Importer] = {
    "subvocal-emg": read_subvocal_emg,
    "somach-semg": read_somach_semg,
    "csv": read_csv_tables,
}


def _unseen(paths: Sequence[Path]) -> Sequence[Path]:
    return paths


def import_recordings(
    kind: str,
    source: Path,
    root: Path,
    *,
    settings: ImportSettings | None = None,
    progress: Progress = _unseen,
) -> Imported:
    """Read `source` in the layout `kind`, write all of it below `root`, or nothing of it."""
    imported = warn_of_identical(IMPORTERS[kind](source, settings or ImportSettings(), progress))
    write_recordings(imported.recordings, root)
    return imported
