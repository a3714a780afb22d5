"""USB adapters in; the programs of this system that would open them first out."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from edgeemg.profiler.board import ROOT
from edgeemg.profiler.checks import Check

_RULES = ("etc", "run", "usr/lib", "lib")  # folders that hold udev/rules.d: udev(7)
# of udev's database, that ModemManager reads; E: begins a property
_MM_IGNORES = ("E:ID_MM_PORT_IGNORE=1", "E:ID_MM_DEVICE_IGNORE=1")
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
        yield _modem_manager(adapters, root)


def _modem_manager(adapters: Sequence[tuple[int, int]], root: Path) -> Check:
    """Whether rules keep it away from every adapter that is there; udev's database says so."""
    known = [set(text.splitlines()) for text in _database(root)]
    ignored = [lines for lines in known if lines.intersection(_MM_IGNORES)]
    touched = [
        f"{vendor:04x}:{product:04x}"
        for vendor, product in dict.fromkeys(adapters)
        if not any(
            {f"E:ID_VENDOR_ID={vendor:04x}", f"E:ID_MODEL_ID={product:04x}"} <= lines
            for lines in ignored
        )
    ]
    if adapters and not touched:
        return Check("ModemManager", "ok", "it runs, and rules keep it away from each adapter")
    which = f", and no rule keeps it away from {', '.join(touched)}" if touched else ""
    return Check("ModemManager", "warn", f"ModemManager is running{which}", _MM_REMEDY)


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
