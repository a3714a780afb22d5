"""This checkout in; what goes onto the board out: wheels, an engine, a bundle, a recording.

The recording and the bundle are made from generated EMG, unless others are named: then the whole
test runs anywhere, and says nothing of people.
"""

import hashlib
import json
import shutil
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import edgeemg
from benchmarks.board import guest_agent
from benchmarks.board.tools import BoardError, call
from edgeemg.profiler.aarch64_wheels import wheels_with
from edgeemg.profiler.cache import cache_folder, filled_once, locked

ENGINE, PRECISION = "tflite", "float32"
_EXTRAS = "litert,data"
_ROOT = Path(edgeemg.__file__).parent.parent
_NOT_COPIED = ("build", "*.egg-info", "__pycache__", "demo", "tests", "docs", "benchmarks")
_PLATFORMS = [f"--platform=manylinux_2_{n}_aarch64" for n in (34, 31, 28, 27, 17)]
_PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
_SYNTH = ("--sessions", "2", "--repetitions", "28", "--seed", "11")
_TRAIN = ("--model", "cnn", "--session", "1", "--epochs", "25", "--patience", "8", "--seed", "0")
_EXPORT = ("--format", "tflite", "--quantize", "--allow-fail")
_LEARNT_FROM = ("data", "dsp", "train")  # what a bundle made here depends on
_PAYLOAD = "400M"


@dataclass(frozen=True, slots=True)
class Material:
    """The bundle and the *_emg.bdf that the sensor plays."""

    bundle: Path
    recording: Path


def generated(tell: Callable[[str], None]) -> Material:
    """A small CNN, trained on one generated session, and another session to play; cached."""
    sources = sorted(path for part in _LEARNT_FROM for path in _sources(f"edgeemg/{part}"))
    sources += [*_sources("export"), _ROOT / "edgeemg/manifest.py"]
    parts = [*_SYNTH, *_TRAIN, *_EXPORT, *(path.read_text(encoding="utf-8") for path in sources)]
    cache = cache_folder().with_name("board-material")

    def fill(folder: Path) -> None:
        tell("generating EMG, training a small CNN on one session of it, exporting it")
        _edgeemg("data", "synth", "--out", folder / "rec", *_SYNTH)
        _edgeemg("train", folder / "rec", "--out", folder / "run", *_TRAIN)
        _edgeemg("export", folder / "run", "--out", folder / "bundle", *_EXPORT)
        shutil.rmtree(folder / "run")

    with locked(cache):
        folder = filled_once(cache / _short(*parts), fill)
    played = sorted(folder.glob("rec/sub-*/ses-2/emg/*_emg.bdf"))
    assert len(played) == 1, "one session, one recording"
    return Material(folder / "bundle", played[0])


def payload(material: Material, folder: Path, tell: Callable[[str], None]) -> tuple[Path, str]:
    """The disk that the board may read, made in `folder`; and the wheel's name."""
    content = folder / "payload"
    (content / "wheels").mkdir(parents=True)
    tell("building the wheel")
    wheel = _build_wheel(folder)
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
    done = _edgeemg(
        *("run", material.bundle, "--recording", material.recording),
        *("--engine", ENGINE, "--precision", PRECISION),
    )
    return [json.loads(line) for line in done.splitlines()]


def _build_wheel(folder: Path) -> Path:
    """From a copy: a build in place would leave its files in the checkout, and take old ones."""
    copy, out = folder / "source", folder / "wheel"
    ignored = shutil.ignore_patterns(*_NOT_COPIED, ".*")
    shutil.copytree(_ROOT, copy, ignore=ignored)
    call([*_PIP, "wheel", "--no-deps", "--wheel-dir", out, copy], timeout_s=600)
    shutil.rmtree(copy)
    (wheel,) = out.glob("edgeemg-*.whl")
    return wheel


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
            *_PIP,
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
        return filled_once(cache / _short(_metadata(wheel), *pinned), fill)


def _metadata(wheel: Path) -> str:
    """What the wheel says that it needs."""
    with zipfile.ZipFile(wheel) as packed:
        (name,) = (one for one in packed.namelist() if one.endswith(".dist-info/METADATA"))
        lines = packed.read(name).decode().splitlines()
    return "\n".join(line for line in lines if line.startswith(("Requires-", "Provides-")))


def _edgeemg(*arguments: str | Path) -> str:
    return call([sys.executable, "-m", "edgeemg", *arguments], timeout_s=1800).stdout


def _sources(part: str) -> list[Path]:
    found = sorted((_ROOT / part).rglob("*.py"))
    if not found:
        raise BoardError(f"{_ROOT} is no checkout of edgeemg: it has no {part}")
    return found


def _short(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]
