"""A TFLite file of a bundle and a core in; how near each of its operators comes to the limit out.

    python -m benchmarks.limit bundles/cnn --cpu cortex-a76 --precision int8

The file is cut behind each operator in turn, and each cut is counted on the emulated core: the
difference is what the operator takes. Of the limit: the cycles that its multiply-adds would take if
the core did nothing else, over the least in which it could execute what it executed (cost_model).
Neither is a time. Needs the extra `host`, qemu-user and a C compiler.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from benchmarks.figures_file import FiguresFile, keep_figures
from edgeemg.errors import EdgeEmgError, EngineError
from edgeemg.profiler.aarch64_wheels import wheels_with
from edgeemg.profiler.boards import CPUS
from edgeemg.profiler.children import why_it_ended
from edgeemg.profiler.cost_model import CORES, least_cycles
from edgeemg.profiler.debian_root import PYTHON
from edgeemg.profiler.emulator import Emulator, prepare
from edgeemg.profiler.guest_files import core_folder, package_folder, wheels_folder
from edgeemg.profiler.instruction_kinds import KINDS
from edgeemg.profiler.marks import kinds_between, parse_marks
from edgeemg.profiler.tflite_operators import tflite_operators
from edgeemg.runtime.bundle import open_bundle
from edgeemg_export.tflite_graph import flatbuffer_tools
from edgeemg_export.tflite_writing import write_model

_RUNS = 20
_PATIENCE_S = 600
_GUEST = """
import sys
from ai_edge_litert.interpreter import Interpreter
from edgeemg.profiler.marks import EMPTY, START, STOP, mark
interpreter = Interpreter(model_path=sys.argv[1], num_threads=1)
interpreter.allocate_tensors()
for _ in range(20):
    interpreter.invoke()
for label in (EMPTY, EMPTY, START):
    mark(label)
for _ in range(int(sys.argv[2])):
    interpreter.invoke()
mark(STOP)
"""


@click.command()
@click.argument("folder", metavar="BUNDLE", type=click.Path(path_type=Path))
@click.option("--cpu", type=click.Choice(CPUS), default="cortex-a76", show_default=True)
@click.option(
    "--precision", type=click.Choice(["float32", "int8"]), default="int8", show_default=True
)
@click.option("--out", type=FiguresFile(), help="Keep the rows as JSON.")
def main(folder: Path, cpu: str, precision: str, out: Path | None) -> None:
    """Print a table, an operator a row."""
    try:
        path = open_bundle(folder).model_path("tflite", precision)
        rows = list(operator_rows(path, cpu, precision, prepare(_say)))
    except EdgeEmgError as error:
        click.echo(f"limit: {error}", err=True)
        sys.exit(error.exit_code)
    keep_figures(out, rows)
    for line in _table(rows):
        click.echo(line)


def operator_rows(
    path: Path, cpu: str, precision: str, emulator: Emulator
) -> Iterator[dict[str, Any]]:
    """What each operator executes and multiplies, and a last row of all of them together."""
    operators = list(tflite_operators(path))
    total = {"macs": 0, **dict.fromkeys(KINDS, 0)}
    with tempfile.TemporaryDirectory(prefix="edgeemg-limit-") as scratch:
        before = dict.fromkeys(KINDS, 0)
        for number, operator in enumerate(operators, start=1):
            _say(f"{number} of {len(operators)}: {operator.name}")
            cut = Path(scratch) / f"{number}.tflite"
            cut_behind(path, number, cut)
            kinds = _count(emulator, cut, cpu)
            own = {kind: max(0, kinds[kind] - before[kind]) for kind in KINDS}
            before = kinds
            total["macs"] += operator.macs or 0
            yield _row(operator.name, operator.macs or 0, own, cpu, precision)
    yield _row("all", total["macs"], before, cpu, precision)


def cut_behind(path: Path, operators: int, target: Path) -> None:
    """A file of the first operators alone, which gives what the last of them writes."""
    model = flatbuffer_tools().read_model(str(path))
    (graph,) = model.subgraphs
    graph.operators = graph.operators[:operators]
    graph.outputs = list(graph.operators[-1].outputs)
    model.signatureDefs = None
    write_model(model, target)


def _count(emulator: Emulator, path: Path, cpu: str) -> dict[str, int]:
    cache, root = emulator.cache, core_folder(emulator.cache, cpu)
    paths = (wheels_folder(cache, wheels_with("ai-edge-litert")), package_folder(cache))
    guest, marks = path.with_suffix(".py"), path.with_suffix(".marks")
    guest.write_text(_GUEST, encoding="ascii")
    command = [str(emulator.qemu), "-cpu", cpu, "-L", str(root), "-seed", "1"]
    plugin = ["-plugin", f"{emulator.counter},out={marks}"]
    done = subprocess.run(  # noqa: S603  # qemu and our own text
        [
            *command,
            *plugin,
            str(root / PYTHON),
            "-S",
            "-s",
            "-B",
            str(guest),
            str(path),
            f"{_RUNS}",
        ],
        env={"PYTHONPATH": ":".join(map(str, paths)), "PYTHONHASHSEED": "0", "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        check=False,
    )
    if done.returncode:
        raise EngineError(f"{path.name}: {why_it_ended(done.returncode, done.stderr)}")
    return kinds_between(parse_marks(marks.read_text(encoding="ascii")), runs=_RUNS)


def _row(
    name: str, macs: int, kinds: Mapping[str, int], cpu: str, precision: str
) -> dict[str, Any]:
    core = CORES[cpu]
    peak = core.int8_macs if precision == "int8" else core.float_macs
    instructions = sum(kinds.values())
    products = sum(kinds[one] for one in ("float_multiply_add", "int8_dot", "int8_multiply"))
    least = max(least_cycles(kinds, core).values())
    return {
        "operator": name,
        "macs": macs,
        "instructions": instructions,
        "products": products,
        "macs_per_instruction": round(macs / instructions, 3) if instructions else 0.0,
        "least_cycles": round(least),
        "of_the_limit": round(macs / peak / least, 4) if least else 0.0,
    }


def _table(rows: list[dict[str, Any]]) -> Iterator[str]:
    yield (
        "| operator | multiply-adds | instructions | of them products | multiply-adds an "
        "instruction | of the limit |"
    )
    yield "|---|---:|---:|---:|---:|---:|"
    for one in rows:
        share = one["products"] / one["instructions"] if one["instructions"] else 0
        yield (
            f"| {one['operator']} | {one['macs']:,} | {one['instructions']:,} | {share:.0%} "
            f"| {one['macs_per_instruction']:.2f} | {one['of_the_limit']:.0%} |"
        )


def _say(text: str) -> None:
    click.echo(text, err=True)


if __name__ == "__main__":
    main()
