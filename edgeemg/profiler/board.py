"""The machine in: what it is, and how it is doing now. What it does not say is None."""

import os
import platform
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from edgeemg.runtime.libraries import LIBRARIES, version_of

ROOT = Path("/")
# Arm part numbers of the cores in question: Linux, arch/arm64/include/asm/cputype.h
_ARM_CORES = {
    "0xd03": "Cortex-A53",
    "0xd04": "Cortex-A35",
    "0xd05": "Cortex-A55",
    "0xd07": "Cortex-A57",
    "0xd08": "Cortex-A72",
    "0xd09": "Cortex-A73",
    "0xd0a": "Cortex-A75",
    "0xd0b": "Cortex-A76",
}
_DOT_PRODUCT = {"asimddp", "avx_vnni", "avx512_vnni"}  # int8 products in one instruction
_CPU_ZONES = ("cpu", "soc", "pkg")
# bits of `vcgencmd get_throttled`: Raspberry Pi documentation, "get_throttled"
_THROTTLE_BITS = {
    0: "under-voltage",
    1: "clock capped",
    2: "throttled",
    3: "soft temperature limit",
}
_SINCE_BOOT = 16  # the same bits, this far up: has happened since the start
# the same word, as the Raspberry Pi's kernel shows it: drivers/firmware/raspberrypi.c there
_THROTTLED = "sys/devices/platform/soc/soc:firmware/get_throttled"
_PATIENCE_S = 10


@dataclass(frozen=True, slots=True)
class Machine:
    """What does not change: `board` from the device tree, `core` and `cpu` from /proc/cpuinfo.

    dot_product  whether the core multiplies int8 four at a time; None where it does not say
    libraries    versions of numpy and of the engines that are installed
    """

    board: str | None
    cpu: str | None
    core: str | None
    dot_product: bool | None
    machine: str
    cores: int | None
    memory_mb: int | None
    system: str | None
    kernel: str
    python: str
    libraries: dict[str, str]

    @property
    def name(self) -> str:
        """This machine in a few words, to stand beside every time that was measured on it."""
        processor = self.board or self.cpu or self.core or "unknown processor"
        cores = f"{self.cores} cores" if self.cores else "cores unknown"
        return f"{processor} ({self.machine}, {cores})"


@dataclass(frozen=True, slots=True)
class State:
    """How the machine is doing at one moment.

    clock_mhz           what the kernel believes
    measured_clock_mhz  what the firmware of a Raspberry Pi measures: the two may differ
    throttled           the word of `vcgencmd get_throttled`, as in 0x50005; where that is not
                        there or may not ask the firmware, as the kernel shows it
    """

    governor: str | None
    clock_mhz: float | None
    measured_clock_mhz: float | None
    temperature_c: float | None
    throttled: str | None
    load_average: float | None


def read_machine(root: Path = ROOT) -> Machine:
    """What this machine is; `root` holds /proc and /etc."""
    cpu = _cpu_facts(root)
    flags = set((cpu.get("Features") or cpu.get("flags") or "").split())
    return Machine(
        board=_text(root / "proc/device-tree/model"),
        cpu=cpu.get("model name") or cpu.get("Hardware"),
        core=_ARM_CORES.get(cpu.get("CPU part", "")),
        dot_product=bool(flags & _DOT_PRODUCT) if flags else None,
        machine=platform.machine(),
        cores=_usable_cores(),
        memory_mb=_memory_mb(root),
        system=_system(root),
        kernel=platform.release(),
        python=platform.python_version(),
        libraries=_libraries(),
    )


def read_state(root: Path = ROOT) -> State:
    """How the machine is doing now; `root` holds /proc and /sys. Asks vcgencmd where it is.

    vcgencmd comes first: the kernel's rpi_volt has the firmware clear what was since the start,
    every two seconds (drivers/hwmon/raspberrypi-hwmon.c).
    """
    return replace(
        _files(root),
        measured_clock_mhz=_scaled(_firmware("measure_clock", "arm"), 1e-6),
        throttled=_firmware("get_throttled") or _throttled(root),
    )


def glance(root: Path = ROOT) -> State:
    """The same, for who asks again and again: no clock is measured, and files come first.

    A program is started, vcgencmd, only where no file says what throttles a board that has it.
    """
    state = _files(root)
    return state if state.throttled else replace(state, throttled=_firmware("get_throttled"))


def _files(root: Path) -> State:
    frequency = root / "sys/devices/system/cpu/cpu0/cpufreq"
    load = (_text(root / "proc/loadavg") or "").split()
    return State(
        governor=_text(frequency / "scaling_governor"),
        clock_mhz=_scaled(_text(frequency / "scaling_cur_freq"), 1e-3),
        measured_clock_mhz=None,
        temperature_c=_temperature(root),
        throttled=_throttled(root),
        load_average=_scaled(load[0] if load else None, 1.0),
    )


def throttling_now(state: State) -> list[str]:
    """What slows the board down at this moment, in words."""
    word = _word(state)
    return [name for bit, name in _THROTTLE_BITS.items() if word >> bit & 1]


def throttling_since_boot(state: State) -> list[str]:
    """What has slowed the board down since it was started, in words."""
    word = _word(state)
    return [name for bit, name in _THROTTLE_BITS.items() if word >> (bit + _SINCE_BOOT) & 1]


def why_invalid(before: State, after: State) -> str | None:
    """Why times measured between the two states say nothing of the board; None where they do."""
    during = [*throttling_now(before), *throttling_now(after)]
    earlier = throttling_since_boot(before)
    during += [one for one in throttling_since_boot(after) if one not in earlier]
    return ", ".join(dict.fromkeys(during)) or None


def _word(state: State) -> int:
    try:
        return int(state.throttled or "0", 16)
    except ValueError:
        return 0


def _cpu_facts(root: Path) -> dict[str, str]:
    """Field by field, from the first processor that states it."""
    facts: dict[str, str] = {}
    for line in (_text(root / "proc/cpuinfo") or "").splitlines():
        name, colon, value = line.partition(":")
        if colon:
            facts.setdefault(name.strip(), value.strip())
    return facts


def _usable_cores() -> int | None:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS
        return os.cpu_count()


def _memory_mb(root: Path) -> int | None:
    for line in (_text(root / "proc/meminfo") or "").splitlines():
        if line.startswith("MemTotal:"):
            return round(int(line.split()[1]) * 1024 / 1e6)
    return None


def _system(root: Path) -> str | None:
    for line in (_text(root / "etc/os-release") or "").splitlines():
        name, _, value = line.partition("=")
        if name == "PRETTY_NAME":
            return value.strip('"')
    return None


def _temperature(root: Path) -> float | None:
    """The processor's, of all thermal zones; the first zone where none says that it is."""
    zones = sorted(root.glob("sys/class/thermal/thermal_zone*"))
    named = [zone for zone in zones if _is_cpu(_text(zone / "type") or "")]
    for zone in [*named, *zones]:
        celsius = _scaled(_text(zone / "temp"), 1e-3)
        if celsius is not None:
            return celsius
    return None


def _is_cpu(kind: str) -> bool:
    return any(one in kind.lower() for one in _CPU_ZONES)


def _throttled(root: Path) -> str | None:
    word = _text(root / _THROTTLED)
    try:
        return None if word is None else f"0x{int(word, 16):x}"
    except ValueError:
        return None


def _firmware(*question: str) -> str | None:
    """What follows the `=` in the firmware's answer; None on a machine that has none."""
    program = shutil.which("vcgencmd")
    if program is None:
        return None
    try:
        answer = subprocess.run(  # noqa: S603  # the Raspberry Pi's own tool, fixed arguments
            [program, *question], capture_output=True, text=True, timeout=_PATIENCE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    _, equals, value = answer.stdout.strip().partition("=")
    return value if equals and answer.returncode == 0 else None


def _libraries() -> dict[str, str]:
    """Versions of what decides how fast and how right an inference is."""
    engines = (one.distribution for libraries in LIBRARIES.values() for one in libraries)
    return {name: found for name in ("numpy", *engines) if (found := version_of(name))}


def _scaled(text: str | None, factor: float) -> float | None:
    try:
        return None if text is None else round(float(text) * factor, 3)
    except ValueError:
        return None


def _text(path: Path) -> str | None:
    """A small file of the kernel's, without the NUL that ends device-tree strings."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip("\0\n ") or None
    except OSError:
        return None
