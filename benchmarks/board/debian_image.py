"""A Debian mirror in; a kernel, an initramfs and a disk with Debian 12 for arm64 on it, out.

debootstrap fetches and checks the packages here and unpacks the first of them; the second stage,
in which they configure themselves, runs in the emulated board at its first start, and apt adds the
others there. So nothing of this needs binfmt_misc or a chroot.
"""

import hashlib
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.board.initramfs import ROOT_MODULES, make_initramfs, with_needed
from benchmarks.board.tools import BoardError, as_root, call
from edgeemg.profiler.cache import cache_folder, filled_once, locked
from edgeemg.profiler.debian_root import mirror

SUITE = "bookworm"
PACKAGES = (
    *("systemd", "systemd-sysv", "udev", "dbus", "kmod", "procps"),
    *("python3", "python3-venv", "libstdc++6", "libgomp1"),
    *("busybox-static", "linux-image-arm64"),
)
QEMU = ("qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a72", "-smp", "2", "-m", "1024")
AGENT_PORT = "edgeemg.board"  # of virtio; udev links it below /dev/virtio-ports
_MODULES = (
    *(*ROOT_MODULES, "virtio_console", "autofs4", "uinput"),
    *("xhci_pci", "ftdi_sio", "cdc_acm"),
)
# what brings the kernel in, and would spend minutes on making an initramfs
_LEFT_OUT = ("linux-", "initramfs-tools", "klibc-utils", "libklibc", "cpio")
_DISK = "1600M"
_DONE = "edgeemg-board: configured"
_DOWNLOAD_S, _FIRST_START_S = 1800, 3600
_SMALLER = """force-unsafe-io
path-exclude=/usr/share/doc/*
path-exclude=/usr/share/info/*
path-exclude=/usr/share/locale/*
path-exclude=/usr/share/man/*
"""
_FIRST_START = f"""#!/bin/sh
set -e
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
/debootstrap/debootstrap --second-stage
export DEBIAN_FRONTEND=noninteractive
apt-get install --yes --no-download --no-install-recommends $(cat /first-start.packages)
depmod -a "$(uname -r)"
apt-get clean
mkdir -p /var/log/journal /payload
echo LABEL=payload /payload ext4 ro 0 0 > /etc/fstab
echo emulated > /etc/hostname
systemctl enable board-agent.service
systemctl mask apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer dpkg-db-backup.timer
systemctl mask proc-sys-fs-binfmt_misc.automount systemd-binfmt.service
: > /etc/machine-id
sync
echo {_DONE}
busybox mount -o remount,ro / || sync
busybox poweroff -f
"""
_AGENT_UNIT = f"""[Unit]
Description=What the test outside asks this emulated board to run
RequiresMountsFor=/payload

[Service]
ExecStart=/usr/bin/python3 /payload/guest_agent.py /dev/virtio-ports/{AGENT_PORT}
Restart=always
RestartSec=1

[Install]
WantedBy=multi-user.target
"""


@dataclass(frozen=True, slots=True)
class Image:
    """What qemu starts from. `disk` is to be copied before it is written to."""

    kernel: Path
    initramfs: Path
    disk: Path


def debian_image(tell: Callable[[str], None]) -> Image:
    """The image from the cache; made there first where it is not there yet (many minutes).

    Raises BoardError or MissingToolError where it cannot be made.
    """
    parts = (SUITE, *PACKAGES, *_MODULES, *_LEFT_OUT, _DISK, _SMALLER, _FIRST_START, _AGENT_UNIT)
    name = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]
    cache = cache_folder().with_name("board-debian")  # a lock of its own: making it takes long
    with locked(cache):
        folder = filled_once(cache / name, partial(_make, tell=tell))
    return Image(folder / "vmlinuz", folder / "initramfs", folder / "disk.img")


def _make(folder: Path, *, tell: Callable[[str], None]) -> None:
    work = folder.parent / "work"
    root, owners = work / "root", work / "owners"
    work.mkdir()
    tell(f"downloading Debian {SUITE} for arm64 (140 packages, 150 MB)")
    call(
        [
            *as_root(owners),
            *("debootstrap", "--foreign", "--arch=arm64", "--variant=minbase"),
            *(f"--include={','.join(PACKAGES)}", SUITE, root, mirror()),
        ],
        timeout_s=_DOWNLOAD_S,
    )
    kernel = _unpack_kernel(root, work)
    _write_files(root, kernel)
    (folder / "vmlinuz").write_bytes(_only(kernel / "boot", "vmlinuz-*").read_bytes())
    initramfs = make_initramfs(
        (work / "busybox/bin/busybox").read_bytes(), with_needed(kernel / "lib", ROOT_MODULES)
    )
    (folder / "initramfs").write_bytes(initramfs)
    disk = folder / "disk.img"
    call([*as_root(owners), "mke2fs", "-q", "-t", "ext4", "-d", root, disk, _DISK], timeout_s=600)
    shutil.rmtree(work)
    tell("starting the board for the first time: its packages configure themselves (emulated)")
    _start_once(folder, disk)


def _unpack_kernel(root: Path, work: Path) -> Path:
    """The kernel and busybox beside the root; what would configure the kernel is left out."""
    archives = root / "var/cache/apt/archives"
    for name, to in (("linux-image-6*.deb", "kernel"), ("busybox-static_*.deb", "busybox")):
        call(["dpkg-deb", "--extract", _only(archives, name), work / to], timeout_s=300)
    for archive in archives.glob("linux-*.deb"):
        archive.unlink()
    _leave_to_apt(root)
    return work / "kernel"


def _leave_to_apt(root: Path) -> None:
    """All but the required packages: debootstrap orders them in shell, which takes long."""
    listed = root / "debootstrap/base"
    paths = dict(line.split() for line in (root / "debootstrap/debpaths").read_text().splitlines())
    names = [name for name in listed.read_text().split() if not name.startswith(_LEFT_OUT)]
    listed.write_text("\n")
    (root / "first-start.packages").write_text("\n".join(paths[name] for name in names) + "\n")


def _write_files(root: Path, kernel: Path) -> None:
    if (root / "proc").is_symlink():  # what debootstrap makes of it in a container
        (root / "proc").unlink()
        (root / "proc").mkdir()
    built = _only(kernel / "lib/modules", "*")
    listed = [built / "modules.order", *built.glob("modules.builtin*")]
    for path in [*with_needed(built, _MODULES), *listed]:
        to = root / "usr" / path.relative_to(kernel)
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_bytes(path.read_bytes())
    for name, text in (
        ("first-start", _FIRST_START),
        ("etc/dpkg/dpkg.cfg.d/board", _SMALLER),
        ("etc/systemd/system/board-agent.service", _AGENT_UNIT),
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="ascii")
    (root / "first-start").chmod(0o755)


def _start_once(folder: Path, disk: Path) -> None:
    console = folder / "first-start.log"
    command = [
        *QEMU,
        *("-nographic", "-no-reboot", "-nic", "none"),
        *("-kernel", str(folder / "vmlinuz"), "-initrd", str(folder / "initramfs")),
        *("-append", "console=ttyAMA0 quiet panic=-1 init=/first-start"),
        *("-drive", f"file={disk},format=raw,if=virtio,cache=unsafe"),
    ]
    with console.open("wb") as out:
        try:
            subprocess.run(  # noqa: S603  # qemu, on files of our own
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                timeout=_FIRST_START_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise BoardError(f"the first start was not done in {_FIRST_START_S} s") from error
    said = console.read_text(errors="replace")
    if _DONE not in said:
        last = said.partition("Kernel panic")[0].splitlines()[-8:]  # init has ended: no cause
        raise BoardError(f"the first start failed: {' / '.join(last)}")


def _only(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise BoardError(f"{folder} was to hold one {pattern}, and holds {len(found)}")
    return found[0]
