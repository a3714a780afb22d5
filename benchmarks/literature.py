"""Networks of the literature in; what each costs through our export, beside what was said, out.

    python -m benchmarks.literature

Each network is rebuilt from its paper (literature_networks), and given random weights: cost is all
that is said, never accuracy. It is exported as every bundle is, so a file that is not what PyTorch
computes shows; each of its four files runs on emulated cores, which gives instructions, and times
as estimates. What stands beside them was measured by its authors on other devices. With --keep,
bundles and counts are kept, and used again where the files are still the same.
Needs the extra `host`, qemu-user and a C compiler; half an hour.
"""

import json
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from benchmarks.doc_tables import put_between
from benchmarks.figures_file import FiguresFile, keep_figures
from benchmarks.literature_networks import NETWORKS, make_network
from benchmarks.literature_published import PUBLISHED
from benchmarks.literature_tables import table
from benchmarks.machine_facts import machine_facts
from benchmarks.random_bundle import write_random_bundle
from edgeemg.errors import EdgeEmgError
from edgeemg.profiler.boards import BOARDS
from edgeemg.profiler.cost_model import estimate
from edgeemg.profiler.emulator import Emulator, prepare
from edgeemg.runtime.bundle import PARITY_NAME, Bundle, open_bundle

CHOSEN_BOARDS = ("pi-zero-2w", "pi-4", "pi-5")
_COUNTS = "counts.json"
_WORKERS = 2
Counts = dict[str, dict[str, Any]]  # by network, file, its sha256 and core


@click.command()
@click.option("--keep", type=click.Path(path_type=Path), help="Keep bundles and counts here.")
@click.option(
    "--network", "names", multiple=True, type=click.Choice(list(NETWORKS)), help="Only this one."
)
@click.option("--out", type=FiguresFile(), help="Keep the figures as JSON.")
@click.option("--page", type=click.Path(path_type=Path), help="Put the tables on this page.")
def main(keep: Path | None, names: tuple[str, ...], out: Path | None, page: Path | None) -> None:
    """Print the tables."""
    facts = machine_facts()
    try:
        with tempfile.TemporaryDirectory(prefix="edgeemg-literature-") as scratch:
            work = keep or Path(scratch)
            networks = _networks(names or tuple(NETWORKS), prepare(_say), work)
    except EdgeEmgError as error:
        click.echo(f"literature: {error}", err=True)
        sys.exit(error.exit_code)
    plain = {**facts, "networks": networks}
    keep_figures(out, plain)
    lines = table(plain)
    click.echo("\n".join(lines))
    if page is not None:
        put_between(page, "benchmarks literature", lines)


def _networks(names: Sequence[str], emulator: Emulator, work: Path) -> dict[str, dict[str, Any]]:
    work.mkdir(parents=True, exist_ok=True)
    bundles = {name: _bundle(name, work) for name in names}
    counts = _counted(emulator, bundles, work / _COUNTS)
    return {name: _network(name, bundle, counts) for name, bundle in bundles.items()}


def _bundle(name: str, work: Path) -> Bundle:
    folder = work / name.replace(", ", "-").replace(" ", "-")
    if not (folder / PARITY_NAME).is_file():
        _say(f"{name}: export")
        network = NETWORKS[name]
        write_random_bundle(
            make_network(name),
            folder,
            family=network.recipe or "literature",
            channels=network.channels,
            window_samples=network.time,
            sample_rate_hz=network.rate_hz,
        )
    return open_bundle(folder)


def _counted(emulator: Emulator, bundles: dict[str, Bundle], kept: Path) -> Counts:
    """What every file of every bundle executes on every core; what was counted before is kept."""
    counts: Counts = json.loads(kept.read_text(encoding="ascii")) if kept.is_file() else {}
    wanted = {
        _key(name, bundle, file, _cpu(board)): (bundle, file, _cpu(board))
        for name, bundle in bundles.items()
        for file in _files(name, bundle)
        for board in CHOSEN_BOARDS
    }
    missing = {key: one for key, one in wanted.items() if key not in counts}

    def count(key: str) -> tuple[str, dict[str, Any]]:
        bundle, file, cpu = missing[key]
        facts = bundle.models[file]
        found = emulator.measure(bundle, cpu=cpu, engine=facts.engine, precision=facts.precision)
        return key, {"kinds": found.kinds, "library": found.library}

    with ThreadPoolExecutor(_WORKERS) as pool:  # other load changes no count
        for number, (key, found) in enumerate(pool.map(count, missing), start=1):
            counts[key] = found
            _keep(counts, kept)
            _say(f"{number} of {len(missing)}: {key.rpartition(' ')[0]}")
    return counts


def _keep(counts: Counts, kept: Path) -> None:
    """Whole or as before: it is read again after a break."""
    fresh = kept.with_suffix(".new")
    fresh.write_text(json.dumps(counts), encoding="ascii")
    fresh.replace(kept)


def _key(name: str, bundle: Bundle, file: str, cpu: str) -> str:
    return f"{name} {file} {cpu} {bundle.manifest.files[file].sha256[:12]}"


def _network(name: str, bundle: Bundle, counts: Counts) -> dict[str, Any]:
    parity = json.loads((bundle.folder / PARITY_NAME).read_text(encoding="utf-8"))
    manifest, published = bundle.manifest, PUBLISHED.get(name)
    return {
        "input": [len(manifest.channels), manifest.window_samples],
        "parameters": manifest.model.parameters,
        "macs": manifest.model.macs,
        "published": None if published is None else asdict(published),
        "files": {
            one["file"]: {
                "recipe": one["recipe"],
                "bytes": one["bytes"],
                "largest_difference": one["largest_difference"],
                "boards": {
                    board: _board(board, counts[_key(name, bundle, one["file"], _cpu(board))])
                    for board in CHOSEN_BOARDS
                },
            }
            for one in parity["files"]
            if one["file"] in _files(name, bundle)
        },
    }


def _files(name: str, bundle: Bundle) -> list[str]:
    precisions = NETWORKS[name].precisions
    return [file for file, one in bundle.models.items() if one.precision in precisions]


def _board(board: str, counted: dict[str, Any]) -> dict[str, Any]:
    return {
        "cpu": _cpu(board),
        "library": counted["library"],
        "instructions": sum(counted["kinds"].values()),
        "kinds": counted["kinds"],
        "estimate": asdict(estimate(counted["kinds"], board)),
    }


def _cpu(board: str) -> str:
    return BOARDS[board].cpu


def _say(text: str) -> None:
    click.echo(text, err=True)


if __name__ == "__main__":
    main()
