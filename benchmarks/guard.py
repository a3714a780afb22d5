"""Two reference bundles in; their instruction counts, beside those that are stored, out.

    python -m benchmarks.guard            # exit code 1 where a count rose by more than 3 %
    python -m benchmarks.guard --write    # store what is counted now

The bundles are a cnn and a transformer with seeded random weights, made by this very export, so a
change of the models, of the export, of the runtime or of a pinned wheel shows. Of ONNX files only
vector instructions count: what their allocations cost besides has two levels, 65,000 apart, and
anything can turn one into the other (docs/boards.md). Needs the extra `host`, qemu-user and a C
compiler.
"""

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click

from benchmarks.seeded_bundles import write_seeded
from edgeemg.errors import EdgeEmgError
from edgeemg.profiler.emulator import Emulator, prepare
from edgeemg.profiler.instruction_kinds import KINDS
from edgeemg.runtime.bundle import open_bundle

STORED = Path(__file__).parent / "results" / "guard.json"
ALLOWED_RISE = 0.03
VECTOR = tuple(one for one in KINDS if one not in ("load", "store", "branch", "other"))
_FAMILIES = ("cnn", "transformer")
_CPUS = ("cortex-a72", "cortex-a76")


@click.command()
@click.option("--write", is_flag=True, help="Store what is counted now.")
def main(write: bool) -> None:
    """Print a table, and what rose."""
    try:
        counted = count_all(prepare(_say))
    except EdgeEmgError as error:
        click.echo(f"guard: {error}", err=True)
        sys.exit(2)
    stored = read_stored()
    for name, count in counted.items():
        before = stored.get(name)
        change = "new" if before is None else f"{count / before - 1:+.2%}"
        click.echo(f"{name:<44}{count:>12,}  {change}")
    if write:
        STORED.parent.mkdir(exist_ok=True)
        STORED.write_text(json.dumps(counted, indent=2) + "\n", encoding="utf-8")
        return
    if wrong := rises(stored, counted):
        click.echo("\n".join(["guard:", *wrong]), err=True)
        sys.exit(1)


def read_stored() -> dict[str, int]:
    """By family, core and file; empty where nothing is stored yet."""
    if not STORED.is_file():
        return {}
    stored: dict[str, int] = json.loads(STORED.read_text(encoding="utf-8"))
    return stored


def rises(stored: dict[str, int], counted: dict[str, int]) -> list[str]:
    """A sentence for each count that rose by more than 3 %, or that one side lacks."""
    said = [
        f"{name}: {counted[name]:,} instructions, {counted[name] / count - 1:+.1%} on the "
        f"{count:,} stored. Make it cheaper, or store it in the same commit with "
        "`python -m benchmarks.guard --write` and say why"
        for name, count in stored.items()
        if name in counted and counted[name] > count * (1 + ALLOWED_RISE)
    ]
    lacking = sorted(set(stored) ^ set(counted))
    return said + [f"{name} is stored or counted, not both: store again" for name in lacking]


def count_all(emulator: Emulator) -> dict[str, int]:
    """Instructions of one inference of every file of both bundles, on two cores; see above."""
    return dict(_counts(emulator))


def _counts(emulator: Emulator) -> Iterator[tuple[str, int]]:
    with tempfile.TemporaryDirectory(prefix="edgeemg-guard-") as scratch:
        for family in _FAMILIES:
            folder = Path(scratch) / family
            folder.mkdir()
            _say(f"{family}: export")
            write_seeded(family, folder)
            bundle = open_bundle(folder)
            for cpu in _CPUS:
                for name, facts in bundle.models.items():
                    found = emulator.measure(
                        bundle, cpu=cpu, engine=facts.engine, precision=facts.precision
                    )
                    counted = VECTOR if facts.engine == "onnx" else KINDS
                    yield f"{family} {cpu} {name}", sum(found.kinds[one] for one in counted)


def _say(text: str) -> None:
    click.echo(text, err=True)


if __name__ == "__main__":
    main()
