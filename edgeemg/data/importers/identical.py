"""What an importer read in, the same out, with a warning wherever two recordings are one.

A published set may hold the same recording twice under two people or words. It is imported as it
is, and the sidecars of both say so, because a result that trains on one and tests on the other is
worth nothing.
"""

from dataclasses import replace

from edgeemg.data.importers.imported import Imported
from edgeemg.dsp.identical import identical, warning_of
from edgeemg.dsp.samples import Recording


def warn_of_identical(imported: Imported) -> Imported:
    """A sentence for each group of recordings with the same samples: in `notes`, and in the
    Warnings of each of them.
    """
    groups = identical(imported.recordings)
    warnings = {id(one): warning_of(same) for same in groups for one in same}
    return replace(
        imported,
        recordings=tuple(_warned(one, warnings.get(id(one))) for one in imported.recordings),
        notes=(*imported.notes, *(f"warning: {warning_of(same)}" for same in groups)),
    )


def _warned(recording: Recording, warning: str | None) -> Recording:
    if not warning:
        return recording
    warnings = [*recording.warnings, warning]
    return replace(recording, about={**recording.about, "Warnings": warnings})
