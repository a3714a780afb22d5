"""An engine's file and a core in; aarch64 instructions, memory and answers of one inference out.

The wheels that a board would install, in a process under qemu-user (edgeemg.profiler.emulator).
Emulated: exact counts, and never times.
"""

import hashlib
import json
import shutil
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.engines_files import SUBJECTS, Tell
from benchmarks.engines_rows import EXECUTORCH, Engine
from benchmarks.peers import peer_python
from edgeemg.digests import sha256_of
from edgeemg.errors import EngineError, MissingToolError
from edgeemg.profiler.aarch64_wheels import Wheels, unpack_wheels
from edgeemg.profiler.cache import filled_once, locked
from edgeemg.profiler.emulator import Emulator
from edgeemg.profiler.guest_files import core_folder, package_folder, wheels_folder
from edgeemg.profiler.marks import kinds_between

COUNTED = 20  # one run of each warm-up window, in subjects/engine_loop.py
_CROSS = "aarch64-linux-gnu-g++"
_PATIENCE_S = 3600  # PyTorch is long in importing on a busy machine
# as the wheel's own CMake file tells its consumers
_DEFINED = ("C10_USING_CUSTOM_GENERATED_MACROS", "ET_EVENT_TRACER_ENABLED", "ET_USE_THREADPOOL")
_LIBRARIES = ("", "_threadpool", "_kernels_optimized", "_kernels_quantized", "_backend_xnnpack")


def count(
    emulator: Emulator, cpu: str, engine: Engine, path: Path, windows: Path, tell: Tell
) -> dict[str, Any]:
    """Logits, `kinds` and `peak_memory_bytes`; once counted, kept beside the file.

    EngineError where the process ends otherwise, MissingToolError where wheels or the compiler for
    aarch64 cannot be had.
    """
    kept = windows.parent / "counts" / f"{_digest(emulator, cpu, engine, path)}.json"
    if kept.is_file():
        found: dict[str, Any] = json.loads(kept.read_text(encoding="ascii"))
        return found
    found = _counted(emulator, cpu, engine, path, windows, tell)
    kept.parent.mkdir(exist_ok=True)
    kept.write_text(json.dumps(found), encoding="ascii")
    return found


def _digest(emulator: Emulator, cpu: str, engine: Engine, path: Path) -> str:
    """Over all that a count depends on."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    sources = [SUBJECTS / "engine_loop.py", SUBJECTS / engine.script]
    sources += [SUBJECTS / "engine_executorch.cpp"]
    parts = [sha256_of(one) for one in (*files, *sources)]
    wheels = [*engine.wheels, EXECUTORCH]
    parts += [one for each in wheels for one in each.requirements]
    parts += [core_folder(emulator.cache, cpu).name, emulator.counter.parent.name, path.name]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _counted(
    emulator: Emulator, cpu: str, engine: Engine, path: Path, windows: Path, tell: Tell
) -> dict[str, Any]:
    folders = [_unpacked(emulator.cache, one, tell) for one in engine.wheels]
    named = {}
    if engine.peer == "executorch":
        named["EDGEEMG_EXECUTORCH"] = str(_executorch_there(emulator.cache, tell))
    said, found = emulator.python(
        cpu,
        (str(SUBJECTS / engine.script), str(path), str(windows), "1"),
        folders=(*folders, package_folder(emulator.cache)),
        more=named,
        patience_s=_PATIENCE_S,
    )
    return {
        "logits": json.loads(said.splitlines()[-1])["logits"],
        "kinds": kinds_between(found, runs=COUNTED),
        "peak_memory_bytes": found[-1].peak_memory_bytes,
    }


def executorch_here() -> Path:
    """engine_executorch.cpp compiled for this machine, against the wheel of the environment."""
    python = peer_python("executorch")
    (wheel,) = (python.parent.parent / "lib").glob("python3*/site-packages/executorch")
    target = python.parent.parent / _program()
    if not target.exists():
        _compile("g++", wheel, target)
    return target


def _unpacked(cache: Path, wheels: Wheels, tell: Tell) -> Path:
    with locked(cache):
        return filled_once(wheels_folder(cache, wheels), partial(_unpack, wheels=wheels, tell=tell))


def _unpack(folder: Path, *, wheels: Wheels, tell: Tell) -> None:
    unpack_wheels(wheels, folder, tell=tell)


def _executorch_there(cache: Path, tell: Tell) -> Path:
    """The same program for aarch64, beside the unpacked wheel."""
    wheel = _unpacked(cache, EXECUTORCH, tell) / "executorch"
    target = wheel / "lib" / _program()
    if not target.exists():
        _compile(_CROSS, wheel, target)
    return target


def _program() -> str:
    """Its name by its source: a changed one is compiled anew."""
    return f"engine_executorch-{sha256_of(SUBJECTS / 'engine_executorch.cpp')[:16]}.so"


def _compile(compiler: str, wheel: Path, target: Path) -> None:
    """For the libraries in `wheel`, which the loader then finds by the path that is written in."""
    if shutil.which(compiler) is None:
        raise MissingToolError(
            f"ExecuTorch's program needs {compiler}: apt install "
            f"{'g++' if compiler == 'g++' else 'g++-aarch64-linux-gnu'}"
        )
    headers, lib = wheel / "include", wheel / "lib"
    command = [
        *(compiler, "-std=c++17", "-O2", "-w", "-fPIC", "-shared"),
        *(f"-D{one}" for one in _DEFINED),
        *(f"-I{headers}", f"-I{headers / 'executorch/runtime/core/portable_type/c10'}"),
        *(str(SUBJECTS / "engine_executorch.cpp"), "-o", str(target), f"-L{lib}"),
        *("-Wl,--no-as-needed", f"-Wl,-rpath,{lib}"),
        *(f"-lexecutorch{one}" for one in _LIBRARIES),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["no reason"]
        raise EngineError(f"{compiler} cannot compile engine_executorch.cpp ({said[-1]})")
