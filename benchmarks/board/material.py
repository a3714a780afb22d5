"""This checkout in; what goes onto the board out: wheels, an engine, a bundle, a recording.

The recording and the bundle are made from generated EMG, unless others are named: then the whole
test runs anywhere, and says nothing of people.
"""

import json
import shutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.board import guest_agent
from benchmarks.board.tools import call
from benchmarks.material import PIP, build_wheel, short
from benchmarks.material import Material as Material
from benchmarks.material import generated as whole_material
from edgeemg.profiler.aarch64_wheels import wheels_with
from edgeemg.profiler.cache import cache_folder, filled_once, locked

ENGINE, PRECISION = "tflite", "float32"
_EXTRAS = "litert,data"
_PLATFORMS = [f"--platform=manylinux_2_{n}_aarch64" for n in (34, 31, 28, 27, 17)]
_PAYLOAD = "400M"


def generated(tell: Callable[[str], None]) -> Material:
    """What the board decides on where nothing else is named."""
    return whole_material(tell, formats=(ENGINE,))


def payload(material: Material, folder: Path, tell: Callable[[str], None]) -> tuple[Path, str]:
    """The disk that the board may read, made in `folder`; and the wheel's name."""
    content = folder / "payload"
    (content / "wheels").mkdir(parents=True)
    tell("building the wheel")
    wheel = build_wheel(folder)
    for path in (wheel, *_needed_wheels(wheel, tell).glob("*.whl")):
        shutil.copy(path, content / "wheels")
    shutil.copytree(material.bundle, content / "bundle")
    shutil.copy(guest_agent.__file__, content / "guest_agent.py")
    disk = folder / "payload.img"
    call(
        ["mke2fs", "-q", "-t", "ext4", "-L", "payload", "-d", content, disk, _PAYLOAD],
        timeout_s=300,
    )
    shutil.rmtree(content)
    return disk, wheel.name


def offline_decisions(material: Material) -> list[dict[str, object]]:
    """What the same bundle decides on this machine, from the recording's file."""
    done = call(
        [
            *(sys.executable, "-m", "edgeemg", "run", material.bundle),
            *("--recording", material.recording),
            *("--engine", ENGINE, "--precision", PRECISION),
        ],
        timeout_s=1800,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def _needed_wheels(wheel: Path, tell: Callable[[str], None]) -> Path:
    """A folder with the aarch64 wheels of all that the wheel needs there, from the cache."""
    pinned = [one.split()[0] for one in wheels_with("ai-edge-litert").requirements]
    pinned = [one for one in pinned if not one.startswith("onnxruntime")]
    cache = cache_folder().with_name("board-wheels")

    def fill(folder: Path) -> None:
        tell("downloading the engine's wheels for aarch64 (60 MB)")
        only = ("--only-binary=:all:", "--python-version=3.11", "--implementation=cp")
        wanted = (f"{wheel}[{_EXTRAS}]", *pinned)
        command: list[str | Path] = [
            *PIP,
            "download",
            *only,
            *_PLATFORMS,
            "--dest",
            folder,
            *wanted,
        ]
        call(command, timeout_s=1200)
        (folder / wheel.name).unlink(missing_ok=True)

    with locked(cache):
        return filled_once(cache / short(_metadata(wheel), *pinned), fill)


def _metadata(wheel: Path) -> str:
    """What the wheel says that it needs."""
    with zipfile.ZipFile(wheel) as packed:
        (name,) = (one for one in packed.namelist() if one.endswith(".dist-info/METADATA"))
        lines = packed.read(name).decode().splitlines()
    return "\n".join(line for line in lines if line.startswith(("Requires-", "Provides-")))
