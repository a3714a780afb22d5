"""A small mirror in files, served over http from this machine: real downloads, real packages."""

import hashlib
import lzma
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeemg.errors import MissingToolError
from edgeemg.profiler.debian_root import (
    MIRROR_VARIABLE,
    PACKAGES,
    Package,
    check_download,
    mirror,
    parse_index,
    unpack_debian,
)

INDEX = """\
Package: zlib1g
Architecture: arm64
Depends: libc6 (>= 2.17)
Description: compression library
 Package: not-a-field
Filename: pool/main/z/zlib/zlib1g_1.2.13_arm64.deb
Size: 82744
SHA256: ABCDEF

Package: zsh
Filename: pool/z
Size: 1
SHA256: 00

Package: libc6
Filename: pool/main/g/glibc/libc6_2.36_arm64.deb
Size: 7
SHA256: 012345
"""


class Quiet(SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        elsewhere = Path(self.directory) / "redirects-to"
        if not elsewhere.is_file():
            return super().do_GET()
        self.send_response(302)
        self.send_header("Location", elsewhere.read_text())
        return self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_the_wanted_packages_are_found_in_an_index() -> None:
    assert parse_index(INDEX.splitlines(keepends=True), ["libc6", "zlib1g"]) == [
        Package("zlib1g", "pool/main/z/zlib/zlib1g_1.2.13_arm64.deb", 82744, "abcdef"),
        Package("libc6", "pool/main/g/glibc/libc6_2.36_arm64.deb", 7, "012345"),
    ]


def test_a_package_that_the_mirror_lacks_is_named() -> None:
    with pytest.raises(MissingToolError, match=r"lacks libssl3: set EDGEEMG_DEBIAN_MIRROR"):
        parse_index(INDEX.splitlines(), ["libc6", "libssl3"])


@pytest.mark.parametrize("broken", ["Size: 7", "SHA256: 012345", "Filename: pool/main/g"])
def test_an_entry_that_lacks_a_field_is_refused(broken: str) -> None:
    without = "\n".join(line for line in INDEX.splitlines() if not line.startswith(broken))
    with pytest.raises(MissingToolError, match="no good entry for libc6"):
        parse_index(without.splitlines(), ["libc6"])


@given(st.text())
def test_any_other_text_is_refused_not_a_traceback(text: str) -> None:
    with pytest.raises(MissingToolError):
        parse_index(text.splitlines(), PACKAGES)


def test_a_download_with_another_checksum_is_refused(tmp_path: Path) -> None:
    deb = tmp_path / "a.deb"
    deb.write_bytes(b"right")
    package = Package("a", "pool/a.deb", 5, sha256(b"right"))
    check_download(deb, package)
    deb.write_bytes(b"wrong")
    with pytest.raises(MissingToolError, match=r"pool/a\.deb has sha256"):
        check_download(deb, package)


def test_a_download_of_another_length_is_refused(tmp_path: Path) -> None:
    deb = tmp_path / "a.deb"
    deb.write_bytes(b"right")
    package = Package("a", "pool/a.deb", 6, sha256(b"right"))
    with pytest.raises(MissingToolError, match=r"pool/a\.deb has 5 bytes, .* index says 6"):
        check_download(deb, package)


def test_the_mirror_is_debians_own_or_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(MIRROR_VARIABLE, raising=False)
    assert mirror() == "https://deb.debian.org/debian"
    for address in ("https://mirror.example/debian", "http://localhost:80", "http://[::1]/debian"):
        monkeypatch.setenv(MIRROR_VARIABLE, f"{address}/")
        assert mirror() == address


@pytest.mark.parametrize(
    "address",
    [
        "http://mirror.example/debian",
        "http://localhost.example",
        "http://127.0.0.1@mirror.example",
        "file:///etc",
        "https:///debian",
        "https://[half",
    ],
)
def test_a_mirror_that_nothing_vouches_for_is_refused(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv(MIRROR_VARIABLE, address)
    with pytest.raises(MissingToolError, match="must be an https address such as"):
        mirror()


@pytest.fixture
def served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: Callable[[str], NoReturn]
) -> Iterator[Path]:
    """The folder of a mirror whose packages hold one file each."""
    if shutil.which("dpkg-deb") is None:
        missing("dpkg-deb is not installed")
    site = tmp_path / "mirror"
    entries = [packed(site, tmp_path / "build", name) for name in PACKAGES]
    index = site / "dists/bookworm/main/binary-arm64/Packages.xz"
    index.parent.mkdir(parents=True)
    index.write_bytes(lzma.compress("\n".join(entries).encode()))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever).start()
    monkeypatch.setenv(MIRROR_VARIABLE, f"http://127.0.0.1:{server.server_port}")
    yield site
    server.shutdown()
    server.server_close()


def packed(site: Path, build: Path, name: str) -> str:
    """One package in the mirror's pool, and its entry in the index."""
    control = build / name / "DEBIAN/control"
    control.parent.mkdir(parents=True)
    control.write_text(
        f"Package: {name}\nVersion: 1\nArchitecture: arm64\nMaintainer: nobody\nDescription: x\n"
    )
    (build / name / "usr/lib").mkdir(parents=True)
    (build / name / "usr/lib" / name).write_text(name)
    deb = site / "pool" / f"{name}.deb"
    deb.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["dpkg-deb", "--build", build / name, deb], check=True, capture_output=True)
    whole = deb.read_bytes()
    return (
        f"Package: {name}\nFilename: pool/{name}.deb\nSize: {len(whole)}\nSHA256: {sha256(whole)}\n"
    )


def sha256(whole: bytes) -> str:
    return hashlib.sha256(whole).hexdigest()


def test_all_packages_are_downloaded_and_unpacked(served: Path, tmp_path: Path) -> None:
    told: list[str] = []
    root = tmp_path / "root"
    root.mkdir()
    unpack_debian(root, tell=told.append)
    assert {path.name for path in (root / "usr/lib").iterdir()} == set(PACKAGES)
    assert len(told) == 1 + len(PACKAGES)


@pytest.mark.parametrize("harm", ["flipped", "gone", "index"])
def test_a_damaged_mirror_is_refused(served: Path, tmp_path: Path, harm: str) -> None:
    deb = served / "pool/libc6.deb"
    if harm == "flipped":
        whole = deb.read_bytes()
        deb.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    elif harm == "gone":
        deb.unlink()
    else:
        index = served / "dists/bookworm/main/binary-arm64/Packages.xz"
        index.write_bytes(index.read_bytes()[:-20])
    why = {"flipped": "sha256", "gone": "cannot be downloaded", "index": "damaged"}[harm]
    with pytest.raises(MissingToolError, match=why):
        unpack_debian(tmp_path / "root", tell=lambda _: None)


def test_a_package_that_is_none_is_refused(served: Path, tmp_path: Path) -> None:
    index = served / "dists/bookworm/main/binary-arm64/Packages.xz"
    entries = lzma.decompress(index.read_bytes()).decode()
    deb = served / "pool/libc6.deb"
    before, text = deb.read_bytes(), b"no package"
    deb.write_bytes(text)
    sealed = entries.replace(
        f"Size: {len(before)}\nSHA256: {sha256(before)}\n",
        f"Size: {len(text)}\nSHA256: {sha256(text)}\n",
    )
    index.write_bytes(lzma.compress(sealed.encode()))
    with pytest.raises(MissingToolError, match=r"dpkg-deb cannot unpack libc6\.deb: .*archive"):
        unpack_debian(tmp_path / "root", tell=lambda _: None)


@pytest.mark.parametrize("address", ["http://mirror.example/debian", "ftp://mirror.example/debian"])
def test_a_mirror_that_sends_on_to_where_nothing_vouches_is_refused(
    served: Path, tmp_path: Path, address: str
) -> None:
    (served / "redirects-to").write_text(address)
    with pytest.raises(MissingToolError, match=f"redirected to {address}, which is not https"):
        unpack_debian(tmp_path / "root", tell=lambda _: None)


def test_a_mirror_that_does_not_answer_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MIRROR_VARIABLE, "http://127.0.0.1:9")  # discard: nobody listens
    with pytest.raises(MissingToolError, match=r"127\.0\.0\.1:9/.* check the network"):
        unpack_debian(tmp_path, tell=lambda _: None)
