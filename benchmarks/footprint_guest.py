"""A script and folders of packages in; instructions and peak memory of an emulated process out.

The script makes marks (edgeemg.profiler.marks): START, and then one behind each of its stages.
"""

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgeemg.errors import EngineError
from edgeemg.profiler.children import why_it_ended
from edgeemg.profiler.debian_root import PYTHON
from edgeemg.profiler.emulator import Emulator
from edgeemg.profiler.guest_files import core_folder, pycache_folder
from edgeemg.profiler.marks import EMPTY, STAGE, START, Mark, parse_marks

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
    root = core_folder(emulator.cache, cpu)
    with tempfile.NamedTemporaryFile("r", prefix="edgeemg-marks-") as counted:
        command = [str(emulator.qemu), "-cpu", cpu, "-L", str(root), "-seed", "1"]
        command += ["-plugin", f"{emulator.counter},out={counted.name}"]
        try:
            done = subprocess.run(  # noqa: S603  # qemu, our own script
                [*command, str(root / PYTHON), "-S", "-s", *script],
                env=_environment(emulator, packages),
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_PATIENCE_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise EngineError(f"no end within {_PATIENCE_S} s on an emulated {cpu}") from error
        if done.returncode:
            why = why_it_ended(done.returncode, done.stderr)
            raise EngineError(f"on an emulated {cpu}: {why}")
        return parse_marks(counted.read())


def _environment(emulator: Emulator, packages: Sequence[Path]) -> dict[str, str]:
    """The guest's whole environment: nothing of the user's may change a count."""
    return {
        "LANG": "C.UTF-8",
        "HOME": "/tmp",  # noqa: S108  # some peers look for it, and this one is in no name of ours
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": ":".join(map(str, packages)),
        "PYTHONPYCACHEPREFIX": str(pycache_folder(emulator.cache)),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "ORT_DISABLE_TELEMETRY": "1",
    }
