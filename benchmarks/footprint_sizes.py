"""An environment in; megabytes of each package in it, here and as wheels for 64-bit ARM, out.

A package's size is that of the files that its wheel holds, without the bytecode that Python makes
of them later (for a package of pure Python as much again). The wheels for aarch64 are those of the
versions that the environment here has: downloaded with pip, unpacked and kept in the user's cache.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from edgeemg.profiler.cache import cache_folder, filled_once, locked

_TOOLS = ("pip", "setuptools")  # of the environment itself, unless they were asked for
_PLATFORMS = [f"--platform=manylinux_2_{n}_aarch64" for n in (39, 35, 34, 31, 28, 27, 24, 17)]
_PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
_ONLY = ("--only-binary=:all:", "--no-deps", "--python-version=3.11", "--implementation=cp")
_PATIENCE_S = 1800
_LIST = """
import json, sys
from importlib.metadata import distributions
print(json.dumps({one.metadata["Name"]: {
    "version": one.version,
    "pure": "Root-Is-Purelib: true" in (one.read_text("WHEEL") or ""),
    "files": [str(path.locate()) for path in one.files or []
              if "__pycache__" not in path.parts and path.locate().is_file()],
} for one in distributions()}))
"""


@dataclass(frozen=True, slots=True)
class Package:
    """One that is installed.

    pure   of Python alone: the same files serve every processor
    files  without bytecode
    """

    version: str
    pure: bool
    files: tuple[Path, ...]

    @property
    def megabytes(self) -> float:
        """Of its files."""
        return sum(one.stat().st_size for one in self.files) / 1e6


def installed(python: Path, asked: Iterable[str]) -> dict[str, Package]:
    """What an environment holds, by name, in which `asked` was installed."""
    done = subprocess.run(  # noqa: S603  # a Python of ours
        [str(python), "-I", "-c", _LIST], capture_output=True, text=True, check=True
    )
    wanted = {one.partition("==")[0] for one in asked}
    return {
        name: Package(one["version"], one["pure"], tuple(map(Path, one["files"])))
        for name, one in json.loads(done.stdout).items()
        if name not in _TOOLS or name in wanted
    }


def aarch64_site(
    peer: str,
    packages: Mapping[str, Package],
    instead: Mapping[str, str],
    tell: Callable[[str], None],
) -> tuple[Path, dict[str, float], list[str]]:
    """A folder with the packages unpacked, megabytes by package, and what has no wheel there.

    instead  versions of packages that are another there
    A package of Python alone that PyPI has as source only is taken from the environment here.
    """
    versions = {name: instead.get(name, one.version) for name, one in packages.items()}
    wanted = sorted(f"{name}=={version}" for name, version in versions.items())
    digest = hashlib.sha256("\n".join((*_PLATFORMS, *wanted)).encode()).hexdigest()[:12]
    cache = cache_folder().with_name("footprint")

    def fill(folder: Path) -> None:
        tell(f"{peer}: downloading {len(wanted)} wheels for aarch64")
        wheels, site = folder / "wheels", folder / "site"
        missing = _download(wanted, wheels)
        sizes = {path.name.split("-")[0]: _unpack(path, site) for path in wheels.glob("*.whl")}
        shutil.rmtree(wheels)
        pure = [one for one in missing if packages[one.partition("==")[0]].pure]
        for name in (one.partition("==")[0] for one in pure):
            _copy(packages[name], site)
            sizes[name] = packages[name].megabytes
        found = {"sizes": sizes, "missing": [one for one in missing if one not in pure]}
        (folder / "found.json").write_text(json.dumps(found), encoding="utf-8")

    with locked(cache):
        folder = filled_once(cache / f"{peer}-{digest}", fill)
    found = json.loads((folder / "found.json").read_text(encoding="utf-8"))
    return folder / "site", found["sizes"], found["missing"]


def _copy(package: Package, site: Path) -> None:
    """Its modules; what it has beside them, such as programs, stays."""
    for path in package.files:
        if "site-packages" not in path.parts:
            continue
        target = site.joinpath(*path.parts[path.parts.index("site-packages") + 1 :])
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)


def _download(wanted: list[str], target: Path) -> list[str]:
    """Fetch all at once; where pip lacks one of them, one by one: those that it lacks."""
    target.mkdir()
    if _has(wanted, target):
        return []
    return [one for one in wanted if not _has([one], target)]


def _has(wanted: list[str], target: Path) -> bool:
    command = [*_PIP, "download", *_ONLY, *_PLATFORMS, "--dest", str(target), *wanted]
    done = subprocess.run(  # noqa: S603  # pip, with versions that are installed here
        command, capture_output=True, text=True, check=False, timeout=_PATIENCE_S
    )
    return done.returncode == 0


def _unpack(path: Path, site: Path) -> float:
    """Megabytes of it."""
    with zipfile.ZipFile(path) as wheel:
        wheel.extractall(site)
        return sum(one.file_size for one in wheel.infolist()) / 1e6
