"""A kernel package's files in; an initramfs that mounts /dev/vda and hands over, out.

Debian's own initramfs is made by many small programs, which takes minutes under emulation. This one
holds busybox, the kernel modules that a disk needs, and twenty lines of shell.
"""

import gzip
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

# what is between the kernel and its root on qemu's `virt` machine; ext4 asks for crc32c by name
ROOT_MODULES = ("virtio_pci", "virtio_blk", "crc32c_generic", "ext4")
_BUSYBOX = Path("bin/busybox")
_MAGIC = "070701"  # cpio(5), "new ASCII format": without checksums
_ALIGNED = 4
_INIT = """#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs devtmpfs /dev
for module in {modules}; do /bin/busybox insmod /modules/$module; done
init=/sbin/init
for word in $(/bin/busybox cat /proc/cmdline); do
    case $word in init=*) init=${{word#init=}} ;; esac
done
/bin/busybox mount -t ext4 -o rw /dev/vda /root || exec /bin/busybox sh
/bin/busybox umount /proc /sys
/bin/busybox mount --move /dev /root/dev
exec /bin/busybox switch_root /root $init
"""


def make_initramfs(busybox: bytes, modules: Iterable[Path]) -> bytes:
    """The compressed archive. `modules` are loaded in their order."""
    files = list(modules)
    init = _INIT.format(modules=" ".join(one.name for one in files)).encode()
    entries = [
        *(_entry(name, stat.S_IFDIR | 0o755, b"") for name in _FOLDERS),
        _entry(str(_BUSYBOX), stat.S_IFREG | 0o755, busybox),
        _entry("init", stat.S_IFREG | 0o755, init),
        *(_entry(f"modules/{one.name}", stat.S_IFREG | 0o644, one.read_bytes()) for one in files),
        _entry("TRAILER!!!", 0, b""),
    ]
    return gzip.compress(b"".join(entries), compresslevel=6, mtime=0)


_FOLDERS = ("bin", "dev", "modules", "proc", "root", "sys")


def with_needed(folder: Path, names: Iterable[str]) -> list[Path]:
    """The modules below `folder` and all that they need, each behind what it needs.

    A name that is not there is built into the kernel, and left out.
    """
    files = {_name_of(path): path for path in folder.rglob("*.ko")}
    ordered: dict[str, Path] = {}

    def add(name: str) -> None:
        if name in ordered or name not in files:
            return
        for needed in depends(files[name].read_bytes()):
            add(needed)
        ordered[name] = files[name]

    for name in names:
        add(name)
    return list(ordered.values())


def depends(module: bytes) -> Iterator[str]:
    """What a module's `.modinfo` section says that it needs (Linux, scripts/mod/modpost.c)."""
    found = re.search(rb"\0depends=([\w,-]*)\0", module)
    for name in found[1].decode("ascii").split(",") if found else ():
        if name:
            yield name.replace("-", "_")


def _name_of(path: Path) -> str:
    return path.stem.replace("-", "_")


def _entry(name: str, mode: int, content: bytes) -> bytes:
    """One file as cpio(5) has it: thirteen hexadecimal fields, its name, its content."""
    path = name.encode("ascii") + b"\0"
    # inode, mode, uid, gid, links, mtime, size, device (4), length of the name, checksum
    fields = (0, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(path), 0)
    head = (_MAGIC + "".join(f"{one:08X}" for one in fields)).encode("ascii")
    return _padded(head + path) + _padded(content)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % _ALIGNED)
