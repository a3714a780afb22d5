"""USB adapters in; the programs of this system that would open them first out."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from edgeemg.profiler.board import ROOT
from edgeemg.profiler.checks import Check

_RULES = ("etc", "run", "usr/lib", "lib")  # folders that hold udev/rules.d: udev(7)
_MM_IGNORES = ("ID_MM_PORT_IGNORE", "ID_MM_DEVICE_IGNORE")  # ModemManager reads these of udev's
_MM_REMEDY = (
    "it talks to new ports: `edgeemg service install` keeps it away from the sensor; "
    "or sudo systemctl disable --now ModemManager"
)
_BRLTTY_REMEDY = "it takes some USB adapters for braille displays: sudo apt remove brltty"


def meddler_checks(adapters: Sequence[tuple[int, int]], root: Path = ROOT) -> Iterator[Check]:
    """brltty and ModemManager, where they run, or would when the adapter is plugged in.

    adapters  (vendor, product) of what is plugged in
    """
    running = _running(root)
    taken = [f"{vendor:04x}:{product:04x}" for vendor, product in _claimed(adapters, root)]
    if "brltty" in running:
        yield Check("brltty", "warn", "brltty is running", _BRLTTY_REMEDY)
    elif taken:
        found = f"brltty's rules claim {', '.join(taken)}"
        yield Check("brltty", "warn", found, _BRLTTY_REMEDY)
    if "ModemManager" in running:
        yield _modem_manager(root)


def _modem_manager(root: Path) -> Check:
    """Whether a rule keeps it away from a port that is there; udev's database says so."""
    kept_away = any(f"E:{name}=1" in text for text in _database(root) for name in _MM_IGNORES)
    if kept_away:
        return Check("ModemManager", "ok", "it runs, and a rule keeps it away from the sensor")
    return Check("ModemManager", "warn", "ModemManager is running", _MM_REMEDY)


def _database(root: Path) -> Iterator[str]:
    """What udev knows of each character device."""
    for one in sorted(root.glob("run/udev/data/c*")):
        yield _read(one)


def _claimed(adapters: Sequence[tuple[int, int]], root: Path) -> list[tuple[int, int]]:
    """The adapters for which a rule of brltty's is not commented out."""
    files = [one for folder in _RULES for one in (root / folder / "udev/rules.d").glob("*brltty*")]
    lines = [line.strip().lower() for one in files for line in _read(one).splitlines()]
    rules = [line for line in lines if not line.startswith("#")]
    return [
        (vendor, product)
        for vendor, product in adapters
        # the kernel writes PRODUCT without leading zeros, as in 403/6001/600
        if any(f'env{{product}}=="{vendor:x}/{product:x}/' in rule for rule in rules)
    ]


def _running(root: Path) -> set[str]:
    return {_read(comm).strip() for comm in root.glob("proc/[0-9]*/comm")}


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:  # a program that ended meanwhile, or nothing for this user
        return ""
