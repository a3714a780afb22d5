"""A script and folders of packages in; instructions and peak memory of an emulated process out.

The script makes marks (edgeemg.profiler.marks): START, and then one behind each of its stages.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgeemg.errors import EngineError
from edgeemg.profiler.emulator import Emulator
from edgeemg.profiler.marks import EMPTY, STAGE, START, Mark

_PATIENCE_S = 2400  # LibEMG's imports, emulated, with bytecode to make
_STAGES = ("import", "first")


def guest_cost(
    emulator: Emulator, cpu: str, packages: Sequence[Path], script: Sequence[str]
) -> dict[str, Any]:
    """`import_instructions`, `first_instructions`, and peak memory at each mark, MB.

    packages  folders on the guest's module path
    script    its path and arguments
    The process runs twice, and the second counts: the first makes Python's bytecode.
    EngineError where it dies or makes other marks.
    """
    _run(emulator, cpu, packages, script)
    marks = _run(emulator, cpu, packages, script)
    wanted = [EMPTY, EMPTY, START, *(STAGE + n for n in range(len(_STAGES)))]
    if [one.label for one in marks] != wanted:
        raise EngineError("the emulated process made other marks than were asked for: try again")
    own = marks[1].instructions - marks[0].instructions
    cost: dict[str, Any] = {"bare_peak_mb": _mb(marks[2])}
    for name, before, after in zip(_STAGES, marks[2:], marks[3:], strict=False):
        cost[f"{name}_instructions"] = after.instructions - before.instructions - own
        cost[f"{name}_peak_mb"] = _mb(after)
    return cost


def _mb(mark: Mark) -> float:
    return round(mark.peak_memory_bytes / 1e6, 1)


def _run(
    emulator: Emulator, cpu: str, packages: Sequence[Path], script: Sequence[str]
) -> list[Mark]:
    # some peers look for a home, and this one is in no name of ours
    home = {"HOME": "/tmp"}  # noqa: S108
    _, marks = emulator.python(cpu, script, folders=packages, more=home, patience_s=_PATIENCE_S)
    return marks
