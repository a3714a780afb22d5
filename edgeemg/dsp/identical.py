"""Recordings in, those that hold the same samples out."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence

from edgeemg.dsp.samples import Recording


def identical(recordings: Iterable[Recording]) -> list[list[Recording]]:
    """Each group of two or more recordings with the same (time, channel) microvolts, bit for bit.

    Names, events and channel names are not looked at.
    """
    groups: dict[str, list[Recording]] = defaultdict(list)
    for one in recordings:
        groups[digest(one)].append(one)
    return [same for same in groups.values() if len(same) > 1]


def warning_of(same: Sequence[Recording]) -> str:
    """What has to be said of one such group."""
    return (
        f"{' and '.join(one.name for one in same)} hold identical samples: at most one is what its "
        "name says, and a model trained on one must not be tested on another."
    )


def digest(recording: Recording) -> str:
    """Hexadecimal sha256 over the (time, channel) microvolts: whatever the file is called."""
    microvolts = recording.samples.microvolts
    return hashlib.sha256(repr(microvolts.shape).encode() + microvolts.tobytes()).hexdigest()
