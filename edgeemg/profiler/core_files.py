"""A core's part number in; what the kernel of a board with four of them tells, as files, out.

Engines choose their kernels by these files. qemu-user would show them the host's, of which some
crash; it looks for every path in its root folder first, so that files laid there stand for the
kernel's own.
"""

from pathlib import Path

_CORES = 4  # all boards in question have four
# what a Raspberry Pi's kernel prints; the Cortex-A76 alone has half floats and dot products
_FEATURES = {
    0xD03: "fp asimd evtstrm crc32 cpuid",
    0xD08: "fp asimd evtstrm crc32 cpuid",
    0xD0B: "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc "
    "dcpop asimddp",
}


def lay_out(folder: Path, debian: Path, cpu_part: int) -> None:
    """Fill a root folder for qemu: Debian's files by link, the kernel's for this core."""
    for path in debian.iterdir():
        (folder / path.name).symlink_to(path)
    system = folder / "sys/devices/system/cpu"
    system.mkdir(parents=True)
    for name in ("possible", "present", "online"):
        (system / name).write_text(f"0-{_CORES - 1}\n", encoding="ascii")
    (folder / "proc").mkdir()
    (folder / "proc/cpuinfo").write_text(cpuinfo(cpu_part), encoding="ascii")


def cpuinfo(cpu_part: int) -> str:
    """/proc/cpuinfo of a board with such cores."""
    return "\n".join(
        f"processor\t: {n}\n"
        "BogoMIPS\t: 108.00\n"
        f"Features\t: {_FEATURES[cpu_part]}\n"
        "CPU implementer\t: 0x41\n"
        "CPU architecture: 8\n"
        "CPU variant\t: 0x0\n"
        f"CPU part\t: {cpu_part:#05x}\n"
        "CPU revision\t: 3\n"
        for n in range(_CORES)
    )
