"""Placeholder until the leak check lands here; to be overwritten."""

from collections.abc import Sequence

from edgeemg.dsp.samples import Recording


def warnings(recordings: Sequence[Recording]) -> list[str]:
    return []
