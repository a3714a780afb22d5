"""A cache folder in; the file system that an emulated process sees, laid out in it, out.

    debian-*            Debian's arm64 libraries and CPython
    core-CPU-*          qemu's root folder for a core: debian-* by link, and the kernel's files
    engines-*, tflite-runtime-*   the wheels, unpacked
    edgeemg-*           our packages by link, and nothing that is installed beside them
    pycache             what the guest's Python has compiled

Each name carries a hash of what edgeemg asks for, so that another wish makes a new folder: wheels
by sha256, Debian's packages by name only. Which CPython that gave, the guest itself says.
"""

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import edgeemg
import firmware_bridge
from edgeemg.profiler.aarch64_wheels import WHEELS, Wheels, unpack_wheels
from edgeemg.profiler.boards import CPUS, part_of
from edgeemg.profiler.cache import filled_once
from edgeemg.profiler.core_files import cpuinfo, lay_out
from edgeemg.profiler.debian_root import PACKAGES, unpack_debian

_HERE = Path(edgeemg.__file__).parent
_PACKAGES = (_HERE, Path(firmware_bridge.__path__[0]))


def fill(cache: Path, *, tell: Callable[[str], None]) -> None:
    """Fetch and lay out what is not there yet; MissingToolError where a download fails."""
    debian = filled_once(debian_folder(cache), partial(unpack_debian, tell=tell))
    for wheels in WHEELS:
        filled_once(wheels_folder(cache, wheels), partial(unpack_wheels, wheels, tell=tell))
    for cpu in CPUS:
        filled_once(core_folder(cache, cpu), partial(lay_out, debian=debian, cpu_part=part_of(cpu)))
    filled_once(package_folder(cache), _link)


def debian_folder(cache: Path) -> Path:
    return cache / f"debian-{_short(*PACKAGES)}"


def core_folder(cache: Path, cpu: str) -> Path:
    """What qemu takes as the root of the guest's files."""
    return cache / f"core-{cpu}-{_short(debian_folder(cache).name, cpuinfo(part_of(cpu)))}"


def wheels_folder(cache: Path, wheels: Wheels) -> Path:
    return cache / f"{wheels.name}-{_short(*wheels.requirements)}"


def package_folder(cache: Path) -> Path:
    return cache / f"edgeemg-{_short(*map(str, _PACKAGES))}"


def pycache_folder(cache: Path) -> Path:
    return cache / "pycache"


def _link(folder: Path) -> None:
    for package in _PACKAGES:
        (folder / package.name).symlink_to(package)


def _short(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]
