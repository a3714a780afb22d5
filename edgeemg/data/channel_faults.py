"""Recordings in, the same without flat and railed channels out, and which ones they were.

A channel is bad in a recording where it never changes (flat: nothing is connected) or where more
than half of its samples sit at its own highest or lowest value (railed: beyond the converter).

All recordings of one import keep the same channels, so one rule decides for all: a channel that is
bad in at least half of them is left out of every one; a channel that is bad in fewer is kept, and
its samples are marked invalid in the recordings where it is bad.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edgeemg.dsp.samples import Recording
from edgeemg.errors import RecordingError

_RAILED = 0.5  # share of samples at one extreme


def fault_of(microvolts: NDArray[np.float32]) -> str:
    """(time,) finite microvolts of one channel -> what is wrong with it, or an empty text."""
    low, high = microvolts.min(), microvolts.max()
    if low == high:
        return f"flat at {low:.2f} uV"
    shares = [(float((microvolts == value).mean()), value) for value in (low, high)]
    share, value = max(shares)
    return f"railed: {share:.0%} of its samples at {value:.2f} uV" if share > _RAILED else ""


def without_bad_channels(
    recordings: Sequence[Recording], *, keep: bool
) -> tuple[list[Recording], dict[str, str]]:
    """Apply the rule above; with `keep`, only name the bad channels in each sidecar.

    Returns the recordings and {name: reason} of channels left out of all of them. RecordingError
    where the recordings have different channels, or no good one.
    """
    if not recordings:
        return [], {}
    channels = recordings[0].channels
    for recording in recordings:
        if recording.channels != channels:
            raise RecordingError(
                f"all recordings of one import must have the same channels: {recordings[0].name} "
                f"has {', '.join(channels)}, {recording.name} has {', '.join(recording.channels)}"
            )
    faults = [_faults(recording) for recording in recordings]
    if keep:
        pairs = zip(recordings, faults, strict=True)
        return [_note(one, "KeptBadChannels", bad) for one, bad in pairs], {}
    dropped = _dropped(channels, faults)
    if len(dropped) == len(channels):
        raise RecordingError(
            f"every channel is flat or railed ({_listed(dropped)}): "
            "check the electrodes, or pass --keep-bad-channels"
        )
    pairs = zip(recordings, faults, strict=True)
    return [_cleaned(one, bad, dropped) for one, bad in pairs], dropped


def _faults(recording: Recording) -> dict[str, str]:
    found = {}
    for column, name in enumerate(recording.channels):
        fault = fault_of(recording.samples.microvolts[:, column])
        if fault:
            found[name] = fault
    return found


def _dropped(channels: Sequence[str], faults: Sequence[dict[str, str]]) -> dict[str, str]:
    dropped = {}
    for name in channels:
        reasons = [bad[name] for bad in faults if name in bad]
        if 2 * len(reasons) >= len(faults):
            dropped[name] = f"{reasons[0]} (bad in {len(reasons)} of {len(faults)} recordings)"
    return dropped


def _cleaned(recording: Recording, bad: dict[str, str], dropped: dict[str, str]) -> Recording:
    samples = recording.samples
    kept = [column for column, name in enumerate(recording.channels) if name not in dropped]
    valid = samples.valid[:, kept].copy()
    names = tuple(recording.channels[column] for column in kept)
    invalid = {name: bad[name] for name in names if name in bad}
    for name in invalid:
        valid[:, names.index(name)] = False
    lighter = replace(samples, microvolts=samples.microvolts[:, kept], valid=valid)
    cleaned = replace(recording, samples=lighter, channels=names)
    return _note(_note(cleaned, "DroppedChannels", dropped), "InvalidChannels", invalid)


def _note(recording: Recording, key: str, what: dict[str, str]) -> Recording:
    return replace(recording, about={**recording.about, key: what}) if what else recording


def _listed(faults: dict[str, str]) -> str:
    return "; ".join(f"{name} {reason}" for name, reason in faults.items())
