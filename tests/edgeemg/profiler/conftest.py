"""Libraries that die, and small machines laid out in files."""

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

DIES = "import os, signal; os.kill(os.getpid(), signal.SIGILL)\n"


@pytest.fixture
def shadowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Puts a module of ours in front of an installed one, for the processes started from here."""

    def shadow(name: str, code: str = DIES) -> None:
        folder = tmp_path / "shadows"
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.py").write_text(code)
        monkeypatch.setenv("PYTHONPATH", str(folder))

    return shadow


@pytest.fixture
def vcgencmd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Installs a program that answers as a Raspberry Pi's firmware: one word a call, in turn."""

    def install(*words: str) -> None:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        (folder / "words").write_text("\n".join(words) + "\n")
        program = folder / "vcgencmd"
        program.write_text(
            textwrap.dedent(f"""\
                #!/bin/sh
                [ "$1" = measure_clock ] && echo "frequency(48)=1500398464" && exit
                head -n 1 {folder}/words | sed 's/^/throttled=/'
                [ $(wc -l < {folder}/words) -gt 1 ] && sed -i 1d {folder}/words
                exit 0
                """)
        )
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    return install


@pytest.fixture
def pi_4(tmp_path: Path) -> Path:
    """The files in which the kernel of a Raspberry Pi 4 describes it."""
    root = tmp_path / "pi"
    files = {
        "proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.4\0",
        "proc/cpuinfo": "processor\t: 0\nFeatures\t: fp asimd evtstrm crc32 cpuid\n"
        "CPU implementer\t: 0x41\nCPU part\t: 0xd08\n\nHardware\t: BCM2835\n",
        "proc/meminfo": "MemTotal:        3884360 kB\nMemAvailable:      90000 kB\n",
        "proc/loadavg": "0.52 0.31 0.20 1/140 991\n",
        "etc/os-release": 'NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "ondemand\n",
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "1800000\n",
        "sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
        "sys/class/thermal/thermal_zone0/temp": "48199\n",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root
