"""A Debian mirror in; a folder with the arm64 libraries and CPython 3.11 of Debian 12 out.

No root rights, no chroot: qemu-user looks for the guest's files in this folder first. Every
package's length and sha256 are those of the mirror's index; the index itself comes over https,
which is all that vouches for it, or from this machine.
"""

import hashlib
import lzma
import os
import subprocess
import tempfile
import urllib.request
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO, BinaryIO
from urllib.parse import urlsplit

from edgeemg.errors import MissingToolError

MIRROR_VARIABLE = "EDGEEMG_DEBIAN_MIRROR"
_MIRROR = "https://deb.debian.org/debian"
_INDEX = "dists/bookworm/main/binary-arm64/Packages.xz"
# what CPython, its compressed formats, hashes and ctypes, and the C++ of the engines load
PACKAGES = (
    *("libc6", "libgcc-s1", "libstdc++6", "libgomp1", "libcrypt1", "libssl3"),
    *("zlib1g", "libbz2-1.0", "liblzma5", "libexpat1", "libffi8", "libuuid1"),
    *("python3.11-minimal", "libpython3.11-minimal", "libpython3.11-stdlib"),
)
PYTHON = "usr/bin/python3.11"  # in the folder
_THIS_MACHINE = ("127.0.0.1", "::1", "localhost")
_PATIENCE_S = 60  # for the mirror to say something
_UNPACK_S = 120


@dataclass(frozen=True, slots=True)
class Package:
    """One entry of the mirror's index. `path` is relative to the mirror."""

    name: str
    path: str
    bytes: int
    sha256: str


def mirror() -> str:
    """The mirror's address: $EDGEEMG_DEBIAN_MIRROR, or Debian's own.

    MissingToolError where it is neither https, nor http of this machine.
    """
    address = os.environ.get(MIRROR_VARIABLE) or _MIRROR
    if not _vouched(address):
        raise MissingToolError(
            f"{MIRROR_VARIABLE} must be an https address such as {_MIRROR} "
            f"(http of this machine only: nothing else vouches for the index), got {address!r}"
        )
    return address.rstrip("/")


def unpack_debian(folder: Path, *, tell: Callable[[str], None]) -> None:
    """Download the packages and unpack them into the folder.

    Raises MissingToolError where the mirror cannot be reached, or gives something else than its
    index says.
    """
    source = mirror()
    tell(f"downloading the index of {source} (9 MB)")
    with tempfile.TemporaryDirectory() as scratch:
        index = Path(scratch) / "Packages.xz"
        _download(f"{source}/{_INDEX}", index)
        packages = _indexed(index)
        for n, package in enumerate(packages, start=1):
            tell(f"downloading {package.name} ({n} of {len(packages)})")
            deb = Path(scratch) / Path(package.path).name
            _download(f"{source}/{package.path}", deb)
            check_download(deb, package)
            _unpack(deb, folder)


def parse_index(lines: Iterable[str], wanted: Iterable[str]) -> list[Package]:
    """The wanted packages in a Debian `Packages` index (Debian Policy, chapter 5), in its order.

    Raises MissingToolError where the index is not one or lacks one of them.
    """
    found: dict[str, Package] = {}
    names = set(wanted)
    fields: dict[str, str] = {}
    for line in [*lines, ""]:
        if line.strip():
            name, colon, value = line.partition(":")
            if colon and not line[0].isspace():
                fields[name] = value.strip()
            continue
        if fields.get("Package") in names:
            found[fields["Package"]] = _package(fields)
        fields = {}
    lacking = sorted(names - set(found))
    if lacking:
        raise MissingToolError(
            f"the mirror's index {_INDEX} lacks {', '.join(lacking)}: "
            f"set {MIRROR_VARIABLE} to a mirror that has Debian 12 (bookworm) for arm64"
        )
    return list(found.values())


def check_download(path: Path, package: Package) -> None:
    """Refuse a package whose length or sha256 is not the index's: MissingToolError."""
    length = path.stat().st_size
    if length != package.bytes:
        raise MissingToolError(
            f"{package.path} has {length} bytes, but the mirror's index says {package.bytes}: "
            f"try again, or set {MIRROR_VARIABLE} to another mirror"
        )
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != package.sha256:
        raise MissingToolError(
            f"{package.path} has sha256 {found}, but the mirror's index says {package.sha256}: "
            f"try again, or set {MIRROR_VARIABLE} to another mirror"
        )


def _package(fields: dict[str, str]) -> Package:
    try:
        return Package(
            fields["Package"], fields["Filename"], int(fields["Size"]), fields["SHA256"].lower()
        )
    except (KeyError, ValueError) as error:
        raise MissingToolError(
            f"the mirror's index {_INDEX} has no good entry for {fields['Package']} ({error}): "
            f"set {MIRROR_VARIABLE} to another mirror"
        ) from error


def _indexed(index: Path) -> list[Package]:
    try:
        with lzma.open(index, "rt", encoding="utf-8") as lines:
            return parse_index(lines, PACKAGES)
    except (lzma.LZMAError, EOFError, UnicodeDecodeError) as error:
        raise MissingToolError(
            f"the mirror's index {_INDEX} is damaged ({error}): try again"
        ) from error


def _download(address: str, path: Path) -> None:
    try:
        opener = urllib.request.build_opener(_Vouched)
        with opener.open(address, timeout=_PATIENCE_S) as answer, path.open("wb") as out:
            _copy(answer, out)
    except (OSError, HTTPException, ValueError) as error:
        raise MissingToolError(
            f"{address} cannot be downloaded ({error}): check the network, "
            f"or set {MIRROR_VARIABLE} to another mirror"
        ) from error


class _Vouched(urllib.request.HTTPRedirectHandler):
    """Follows a mirror to where `mirror` could point itself, and nowhere else."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        if not _vouched(newurl):
            raise MissingToolError(
                f"{req.full_url} is redirected to {newurl}, which is not https: "
                f"set {MIRROR_VARIABLE} to another mirror"
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _vouched(address: str) -> bool:
    """Whether nobody on the way can have changed what comes from there."""
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        return False
    return bool(host) and (
        parts.scheme == "https" or (parts.scheme == "http" and host in _THIS_MACHINE)
    )


def _copy(answer: BinaryIO, out: BinaryIO) -> None:
    while piece := answer.read(1 << 20):
        out.write(piece)


def _unpack(deb: Path, folder: Path) -> None:
    try:
        subprocess.run(  # noqa: S603  # Debian's own tool, fixed arguments
            ["dpkg-deb", "--extract", str(deb), str(folder)],  # noqa: S607  # wherever it is
            capture_output=True,
            text=True,
            timeout=_UNPACK_S,
            check=True,
        )
    except subprocess.SubprocessError as error:
        why = " ".join((getattr(error, "stderr", None) or str(error)).split())
        raise MissingToolError(f"dpkg-deb cannot unpack {deb.name}: {why}") from error
