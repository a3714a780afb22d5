"""What an importer read in, the same out, with a warning wherever two recordings are one.

A published set may hold the same recording twice under two people or words. It is imported as it
is, and the sidecars of both say so, because a result that trains on one and tests on the other is
worth nothing.
"""

import hashlib
from collections import defaultdict
from dataclasses import replace

from edgeemg.data.importers.imported import Imported
from edgeemg.dsp.samples import Recording


def warn_of_identical(imported: Imported) -> Imported:
    """A sentence for each group of recordings with the same samples: in `notes`, and in the
    Warnings of each of them.
    """
    groups: dict[bytes, list[Recording]] = defaultdict(list)
    for one in imported.recordings:
        groups[_digest(one)].append(one)
    warnings = {digest: _warning(same) for digest, same in groups.items() if len(same) > 1}
    return replace(
        imported,
        recordings=tuple(_warned(one, warnings.get(_digest(one))) for one in imported.recordings),
        notes=(*imported.notes, *(f"warning: {text}" for text in warnings.values())),
    )


def _digest(recording: Recording) -> bytes:
    microvolts = recording.samples.microvolts
    return hashlib.sha256(repr(microvolts.shape).encode() + microvolts.tobytes()).digest()


def _warning(same: list[Recording]) -> str:
    return (
        f"{' and '.join(one.name for one in same)} hold identical samples: at most one is what its "
        "name says, and a model trained on one must not be tested on another."
    )


def _warned(recording: Recording, warning: str | None) -> Recording:
    if not warning:
        return recording
    warnings = [*recording.warnings, warning]
    return replace(recording, about={**recording.about, "Warnings": warnings})
