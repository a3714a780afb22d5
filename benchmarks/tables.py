"""A table's name in; how it is measured, where its figures are kept, and its lines on pages, out.

Every table of docs/benchmarks.md is here, with the pages that show the same figures. A page is made
from the stored figures alone, so that no figure on it is typed.
"""

import importlib
import json
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.doc_tables import put_between
from edgeemg.errors import EdgeEmgError

_HERE = Path(__file__).parent
RESULTS, DOCS = _HERE / "results", _HERE.parent / "docs"


class StoredFiguresError(EdgeEmgError):
    """Figures that were kept in another shape than their table wants."""


@dataclass(frozen=True, slots=True)
class Place:
    """Marks on a page of docs/, and the function of the module that makes what stands between."""

    page: str
    mark: str
    function: str = "table"


@dataclass(frozen=True, slots=True)
class Table:
    """What one command measures.

    module   of benchmarks/, which measures and writes the figures
    stored   the file in benchmarks/results/
    needs    beside the extra `dev`
    minutes  that it takes on two cores, once its downloads are there
    quick    its options for a coarser run
    extra    its options for a run that is kept
    """

    about: str
    module: str
    stored: str
    places: tuple[Place, ...]
    needs: str
    minutes: int
    quick: tuple[str, ...] = ("--quick",)
    extra: tuple[str, ...] = ()


def _on_benchmarks(name: str) -> Place:
    return Place("benchmarks.md", f"benchmarks {name}")


TABLES = {
    "runtime": Table(
        "edgeemg run beside a bare engine, BrainFlow + scipy + onnxruntime, and LibEMG",
        "runtime_cost",
        "runtime_cost.json",
        (_on_benchmarks("runtime"), Place("runtime.md", "runtime cost")),
        "pip and the network the first time (1.5 GB)",
        8,
        quick=("--seconds", "5", "--rounds", "1"),
    ),
    "instructions": Table(
        "the same for an emulated 64-bit ARM core, whole and bare",
        "runtime_instructions",
        "runtime_instructions.json",
        (_on_benchmarks("instructions"), Place("runtime.md", "runtime instructions")),
        "qemu-user, a C compiler",
        8,
        quick=("--seconds", "5", "--rounds", "1"),
    ),
    "engines": Table(
        "the same network in six engines, float and int8",
        "engines",
        "engines.json",
        (_on_benchmarks("engines"),),
        "qemu-user, a C compiler, pip and the network the first time (3 GB)",
        30,
    ),
    "serial": Table(
        "parsers, drivers and damaged bytes, beside BrainFlow's Cyton driver",
        "serial_tables",
        "serial.json",
        (
            _on_benchmarks("serial"),
            Place("sensors.md", "serial parsers", "parsers_page"),
            Place("sensors.md", "serial drivers", "drivers_page"),
        ),
        "pip and the network the first time (400 MB)",
        13,
    ),
    "literature": Table(
        "networks rebuilt from their papers, through our export",
        "literature",
        "literature.json",
        (_on_benchmarks("literature"),),
        "qemu-user, a C compiler",
        15,
        quick=("--network", "DS-CNN"),
    ),
    "footprint": Table(
        "installed size, import and memory of six stacks, here and on an emulated core",
        "footprint",
        "footprint.json",
        (_on_benchmarks("footprint"),),
        "qemu-user, a C compiler, pip and the network the first time (4 GB)",
        20,
    ),
    "scaling": Table(
        "cost against channels, rate, window and hop",
        "scaling",
        "scaling.json",
        (_on_benchmarks("scaling"),),
        "qemu-user, a C compiler",
        15,
        extra=("--picture", "docs/img/scaling.svg"),
    ),
}


def command(name: str) -> str:
    """What measures it."""
    return f"python -m benchmarks {name}"


def lines_of(name: str, place: Place, results: Path) -> list[str]:
    """What the page shows of the figures in `results`, or that there are none yet.

    StoredFiguresError where they are there and their table cannot be made.
    """
    table, kept = TABLES[name], results / TABLES[name].stored
    module = f"benchmarks.{table.module}"
    if not kept.is_file() or find_spec(module) is None:
        return [f"Not measured yet: `{command(name)}`."]
    make = getattr(importlib.import_module(module), place.function)
    try:
        plain: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
        lines: list[str] = make(plain)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise StoredFiguresError(
            f"{kept} does not hold what its table shows ({type(error).__name__}: {error}): "
            f"measure again with {command(name)}"
        ) from error
    return lines


def make_pages(names: list[str], *, results: Path = RESULTS, docs: Path = DOCS) -> list[Path]:
    """Put the tables where they belong; the pages that changed. Measures nothing."""
    changed = []
    for name in names:
        for place in TABLES[name].places:
            page = docs / place.page
            before = page.read_text(encoding="utf-8") if page.is_file() else ""
            put_between(page, place.mark, lines_of(name, place, results))
            if page.read_text(encoding="utf-8") != before and page not in changed:
                changed.append(page)
    return changed
