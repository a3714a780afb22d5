"""Published times on Raspberry Pis in; what our estimate says of the same networks out.

    python -m benchmarks.published --out published

Two sets, none of it measured by us. The first calibrates the high end of the estimate: networks of
ncnn's own benchmark on one thread, written from their papers and counted with ncnn itself, which
pip downloads. The second tests it: the four networks of MLPerf Tiny, rebuilt in PyTorch, exported
by us, and counted with the engines of a bundle; the figures are those of another engine (LEIP), so
they are of the same work and not of the same instructions. Random weights: no time depends on them.
Needs the extra `host`, qemu-user, a C compiler and the network.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from benchmarks.published_ncnn import NETWORKS as NCNN
from benchmarks.published_ncnn import count_ncnn, unpack_ncnn
from benchmarks.published_tiny import NETWORKS as TINY
from benchmarks.published_tiny import write_tiny
from edgeemg.errors import EdgeEmgError
from edgeemg.profiler.boards import BOARDS
from edgeemg.profiler.cost_model import CORES, least_cycles, serial_cycles
from edgeemg.profiler.emulator import Emulator, prepare
from edgeemg.runtime.bundle import open_bundle

# ncnn's benchmark/README.md, num_threads = 1, averages: network -> (board, MHz, ms)
_NCNN_MS = {
    "mobilenet": [
        ("pi-zero-2w", 1000, 393.94),
        ("pi-3b", 1400, 205.65),
        ("pi-4", 1800, 124.32),
        ("pi-5", 2400, 20.3),
    ],
    "mobilenet_int8": [
        ("pi-zero-2w", 1000, 286.75),
        ("pi-3b", 1400, 181.91),
        ("pi-4", 1800, 84.82),
        ("pi-5", 2400, 14.4),
    ],
    "squeezenet": [
        ("pi-zero-2w", 1000, 240.77),
        ("pi-3b", 1400, 125.58),
        ("pi-4", 1800, 73.96),
    ],
    "resnet18": [
        ("pi-zero-2w", 1000, 654.69),
        ("pi-3b", 1400, 379.57),
        ("pi-4", 1800, 191.10),
        ("pi-5", 2400, 29.7),
    ],
}
# mlcommons/tiny_results_v0.5, closed/latentai, Raspberry Pi 4 at 1500 MHz: float32 and int8, ms
_TINY_MS = {
    "ds-cnn": (0.393, 0.4215),
    "autoencoder": (0.169, 0.192),
    "resnet8": (1.312, 1.074),
    "mobilenet-0.25": (3.746, 2.599),
}
_TINY_BOARD, _TINY_MHZ = "pi-4", 1500


@click.command()
@click.option("--out", default="published", show_default=True, type=click.Path(path_type=Path))
def main(out: Path) -> None:
    """Print both tables, and keep them as published.json."""
    out.mkdir(parents=True, exist_ok=True)
    try:
        emulator = prepare(_say)
        rows = {"test": list(_tiny(emulator, out)), "calibration": list(_ncnn(emulator, out))}
    except (EdgeEmgError, subprocess.SubprocessError) as error:
        click.echo(f"published: {error}", err=True)
        sys.exit(2)
    (out / "published.json").write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    for title, table in rows.items():
        click.echo(f"\n{title}\n")
        for line in _table(table):
            click.echo(line)


def _ncnn(emulator: Emulator, out: Path) -> Iterator[dict[str, Any]]:
    """An hour of counting: what is counted is kept, so that it can go on after a break."""
    kept = out / "ncnn-counts.json"
    counted: dict[str, dict[str, int]] = json.loads(kept.read_text()) if kept.exists() else {}
    for name in NCNN:
        for board, mhz, ms in _NCNN_MS[name]:
            cpu = BOARDS[board].cpu
            key = f"{cpu} {name}"
            if key not in counted:
                _say(f"{name} on {cpu}")
                counted[key] = count_ncnn(emulator, name, cpu, unpack_ncnn(out))
                kept.write_text(json.dumps(counted), encoding="ascii")
            yield _row(name, "ncnn", board, mhz, ms, counted[key])


def _tiny(emulator: Emulator, out: Path) -> Iterator[dict[str, Any]]:
    cpu = BOARDS[_TINY_BOARD].cpu
    for name in TINY:
        folder = out / name
        if not (folder / "manifest.json").is_file():
            _say(f"{name}: export")
            write_tiny(name, folder)
        bundle = open_bundle(folder)
        for facts in bundle.models.values():
            _say(f"{name} {facts.engine} {facts.precision} on {cpu}")
            found = emulator.measure(
                bundle, cpu=cpu, engine=facts.engine, precision=facts.precision
            )
            ms = _TINY_MS[name][facts.precision == "int8"]
            what = f"{name} {facts.precision}"
            yield _row(what, found.library, _TINY_BOARD, _TINY_MHZ, ms, found.kinds)


def _row(
    what: str, engine: str, board: str, mhz: int, ms: float, kinds: dict[str, int]
) -> dict[str, Any]:
    """All at the clock of the published figure, which is one of those that a board has."""
    core = CORES[BOARDS[board].cpu]
    serial = serial_cycles(kinds, core)
    low = max(least_cycles(kinds, core).values()) / mhz / 1e3
    high = serial * core.waiting / mhz / 1e3
    return {
        "network": what,
        "counted_with": engine,
        "board": board,
        "mhz": mhz,
        "published_ms": ms,
        "instructions": sum(kinds.values()),
        "kinds": kinds,
        "low_ms": round(low, 4),
        "high_ms": round(high, 4),
        "within": low <= ms <= high,
        "waiting": round(ms * 1e3 * mhz / serial, 3),
    }


def _table(rows: list[dict[str, Any]]) -> Iterator[str]:
    yield "| network | counted with | board | M instructions | estimate, ms | published | within |"
    yield "|---|---|---|---:|---:|---:|---|"
    for one in rows:
        within = "yes" if one["within"] else _how_far(one)
        yield (
            f"| {one['network']} | {one['counted_with']} | {one['board']}, {one['mhz']} MHz "
            f"| {one['instructions'] / 1e6:.2f} | {one['low_ms']:.3g} to {one['high_ms']:.3g} "
            f"| {one['published_ms']:g} | {within} |"
        )


def _how_far(row: dict[str, Any]) -> str:
    if row["published_ms"] < row["low_ms"]:
        return f"no: {1 - row['published_ms'] / row['low_ms']:.0%} below"
    return f"no: {row['published_ms'] / row['high_ms'] - 1:.0%} above"


def _say(text: str) -> None:
    click.echo(text, err=True)


if __name__ == "__main__":
    main()
