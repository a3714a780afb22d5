"""This checkout in; a bundle, the recording that it decides on, and a wheel of the checkout, out.

Both are made from generated EMG, so a benchmark that is given no others runs anywhere, and says
nothing of people. They are made once and kept in the user's cache, until the code that they depend
on changes.
"""

import hashlib
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import edgeemg
from benchmarks.board.tools import BoardError, call
from edgeemg.errors import RecordingError
from edgeemg.profiler.cache import cache_folder, filled_once, locked

PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
_ROOT = Path(edgeemg.__file__).parent.parent
_NOT_COPIED = ("build", "*.egg-info", "__pycache__", "demo", "tests", "docs", "benchmarks")
_SYNTH = ("--sessions", "2", "--repetitions", "28", "--seed", "11")
_TRAIN = ("--session", "1", "--epochs", "25", "--patience", "8", "--seed", "0")
_EXPORT = ("--quantize", "--allow-fail")
_LEARNT_FROM = ("data", "dsp", "train")  # what a bundle made here depends on


@dataclass(frozen=True, slots=True)
class Material:
    """The bundle and the *_emg.bdf that a sensor plays."""

    bundle: Path
    recording: Path


def generated(
    tell: Callable[[str], None],
    *,
    family: str = "cnn",
    formats: Sequence[str] = ("onnx", "tflite"),
) -> Material:
    """A small network, trained on one generated session, and another session to play; cached.

    family, formats  as for `edgeemg train` and `edgeemg export`
    """
    sources = sorted(path for part in _LEARNT_FROM for path in _sources(f"edgeemg/{part}"))
    sources += [*_sources("export"), _ROOT / "edgeemg/manifest.py"]
    train = ("--model", family, *_TRAIN)
    export = (*(word for one in formats for word in ("--format", one)), *_EXPORT)
    parts = [*_SYNTH, *train, *export, *(path.read_text(encoding="utf-8") for path in sources)]
    cache = cache_folder().with_name("benchmark-material")

    def fill(folder: Path) -> None:
        tell(f"generating EMG, training a small {family} on one session of it, exporting it")
        _edgeemg("data", "synth", "--out", folder / "rec", *_SYNTH)
        _edgeemg("train", folder / "rec", "--out", folder / "run", *train)
        _edgeemg("export", folder / "run", "--out", folder / "bundle", *export)
        shutil.rmtree(folder / "run")

    with locked(cache):
        folder = filled_once(cache / short(*parts), fill)
    played = sorted(folder.glob("rec/sub-*/ses-2/emg/*_emg.bdf"))
    assert len(played) == 1, "one session, one recording"
    return Material(folder / "bundle", played[0])


def given_or_generated(
    bundle: Path | None, recording: Path | None, tell: Callable[[str], None]
) -> Material:
    """Those that a person names, or else generated ones; RecordingError where one is lacking."""
    if bundle is None:
        return generated(tell)
    if recording is None:
        raise RecordingError(f"wanted BUNDLE and RECORDING, or neither, got only {bundle}")
    return Material(bundle, recording)


def build_wheel(folder: Path) -> Path:
    """A wheel of the checkout, in `folder`.

    From a copy: a build in place would leave its files in the checkout, and take old ones.
    """
    copy, out = folder / "source", folder / "wheel"
    ignored = shutil.ignore_patterns(*_NOT_COPIED, ".*")
    shutil.copytree(_ROOT, copy, ignore=ignored)
    call([*PIP, "wheel", "--no-deps", "--wheel-dir", out, copy], timeout_s=600)
    shutil.rmtree(copy)
    (wheel,) = out.glob("edgeemg-*.whl")
    return wheel


def short(*parts: str) -> str:
    """A name for what depends on these."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def _edgeemg(*arguments: str | Path) -> None:
    call([sys.executable, "-m", "edgeemg", *arguments], timeout_s=1800)


def _sources(part: str) -> list[Path]:
    found = sorted((_ROOT / part).rglob("*.py"))
    if not found:
        raise BoardError(f"{_ROOT} is no checkout of edgeemg: it has no {part}")
    return found
