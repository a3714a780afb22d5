"""Live decisions and those on the recording's file in; whether they are the same, out."""

from collections.abc import Sequence
from typing import Any

from benchmarks.board.rig import Facts
from benchmarks.board.tools import BoardError

# two processors round differently; a decision tells its confidence to four places
_TOLERANCE = 1e-3


def same_decisions(
    live: Sequence[dict[str, Any]], offline: Sequence[dict[str, Any]], *, before_index: int
) -> Facts:
    """Facts on those before this sample index; BoardError where one differs.

    The same: label and sample index equal, confidence within 0.001.
    """
    mine = [one for one in live if one["sample_index"] < before_index]
    theirs = [one for one in offline if one["sample_index"] < before_index]
    differing = [
        f"{_told(one)} live, {_told(two)} offline"
        for one, two in zip(mine, theirs, strict=False)
        if not _same(one, two)
    ]
    if differing or len(mine) != len(theirs) or not mine:
        first = f"; the first that differs: {differing[0]}" if differing else ""
        raise BoardError(f"{len(mine)} decisions live, {len(theirs)} offline{first}")
    offs = [
        abs(one["confidence"] - two["confidence"]) for one, two in zip(mine, theirs, strict=True)
    ]
    return {"decisions": len(mine), "largest difference of confidence": round(max(offs), 4)}


def _same(one: dict[str, Any], two: dict[str, Any]) -> bool:
    equal = all(one[key] == two[key] for key in ("label", "sample_index"))
    return equal and abs(one["confidence"] - two["confidence"]) <= _TOLERANCE


def _told(decision: dict[str, Any]) -> str:
    return f"{decision['label']} at sample {decision['sample_index']} ({decision['confidence']})"
