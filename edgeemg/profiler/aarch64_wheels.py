"""An environment's name in; a folder with the aarch64 wheels that are on PyPI, unpacked, out."""

import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

from edgeemg.errors import MissingToolError

_PATIENCE_S = 900
_PLATFORMS = ("manylinux_2_34", "manylinux_2_28", "manylinux_2_27", "manylinux_2_17")
_PLATFORM_FLAGS = [f"--platform={one}_aarch64" for one in _PLATFORMS]


@dataclass(frozen=True, slots=True)
class Wheels:
    """What is installed together, as pip's requirements: pinned, with the sha256 of PyPI's wheel.

    distributions  the engines among them
    """

    name: str
    distributions: tuple[str, ...]
    requirements: tuple[str, ...]
    megabytes: int


# tflite-runtime was built against numpy 1 and cannot load beside numpy 2
WHEELS = (
    Wheels(
        "engines",
        ("onnxruntime", "ai-edge-litert"),
        (
            "numpy==2.4.6 --hash=sha256:"
            "0ab0a9c4ffb1a6d95ef519fe4247dba8eb6b18ad93999f76b7f657039acabd47",
            "onnxruntime==1.32.0 --hash=sha256:"
            "2303372a85299b6757b0e11e1cbf13e410ddf7e10c37f4b37e99d1c90e7daf7c",
            "ai-edge-litert==2.3.0 --hash=sha256:"
            "853fc608f96da87bd5f3458465dfb9abbf18d5ae6b94eceacead407146f175ae",
        ),
        54,
    ),
    Wheels(
        "tflite-runtime",
        ("tflite-runtime",),
        (
            "numpy==1.26.4 --hash=sha256:"
            "7ab55401287bfec946ced39700c053796e7cc0e3acbef09993a9ad2adba6ca6e",
            "tflite-runtime==2.14.0 --hash=sha256:"
            "ce9fa5d770a9725c746dcbf6f59f3178233b3759f09982e8b2db8d2234c333b0",
        ),
        17,
    ),
)


def wheels_with(distribution: str) -> Wheels:
    """The environment that holds an engine's library."""
    (found,) = (one for one in WHEELS if distribution in one.distributions)
    return found


def unpack_wheels(wheels: Wheels, folder: Path, *, tell: Callable[[str], None]) -> None:
    """Download an environment's wheels with pip, as pip is set up here, and unpack them.

    Raises MissingToolError with pip's reason where that fails.
    """
    tell(f"downloading {_names(wheels)} for aarch64 ({wheels.megabytes} MB)")
    with tempfile.TemporaryDirectory() as scratch:
        listed = Path(scratch) / "requirements.txt"
        listed.write_text("\n".join(wheels.requirements) + "\n", encoding="ascii")
        _pip_download(wheels, listed, Path(scratch))
        for path in sorted(Path(scratch).glob("*.whl")):
            with ZipFile(path) as wheel:
                wheel.extractall(folder)


def _pip_download(wheels: Wheels, listed: Path, folder: Path) -> None:
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    what = ["--only-binary=:all:", "--no-deps", "--require-hashes", "--python-version=3.11"]
    try:
        done = subprocess.run(  # noqa: S603  # our own interpreter, fixed arguments
            [*pip, *what, *_PLATFORM_FLAGS, f"--dest={folder}", f"--requirement={listed}"],
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise MissingToolError(
            f"pip could not download {_names(wheels)} for aarch64 within {_PATIENCE_S} s: try again"
        ) from error
    if done.returncode:
        reason = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        why = (reason or done.stderr.strip().splitlines() or ["it gave no reason"])[-1]
        raise MissingToolError(
            f"pip cannot download {_names(wheels)} for aarch64 ({why}): check the network and "
            "that `python -m pip` works"
        )


def _names(wheels: Wheels) -> str:
    return ", ".join(one.split()[0] for one in wheels.requirements)
