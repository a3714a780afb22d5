"""Stacks that can decide on EMG in; what each takes on the disk, to import, and in memory, out.

    python -m benchmarks.footprint --out footprint.json

Each stack is installed in an environment of its own, and runs in fresh processes that take turns
(benchmarks/subjects/footprint.py). On 64-bit ARM it is emulated: instructions and peak memory of
the process, with the wheels that PyPI has for it. Emulated is not measured on a board.
"""

import json
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from benchmarks.doc_tables import put_between
from benchmarks.figures_file import FiguresFile, keep_figures
from benchmarks.footprint_guest import guest_cost
from benchmarks.footprint_sizes import Package, aarch64_site, installed
from benchmarks.footprint_table import table
from benchmarks.machine_facts import machine_facts
from benchmarks.material import build_wheel, generated
from benchmarks.peers import PEERS, peer_python
from edgeemg.errors import EdgeEmgError, EngineError
from edgeemg.profiler.emulator import Emulator, prepare

GUEST = Path(__file__).parent / "subjects" / "footprint.py"
_PATIENCE_S = 300


@dataclass(frozen=True, slots=True)
class Stack:
    """An environment of benchmarks.peers, and what to run there.

    subject  one of benchmarks/subjects/footprint.py
    ours     whether edgeemg is part of it
    instead  versions for aarch64 where PyPI has no wheel of the one that is pinned
    note     what a reader of the table has to know
    """

    peer: str
    subject: str
    ours: bool = False
    instead: dict[str, str] = field(default_factory=dict)
    note: str = ""


STACKS = {
    "edgeemg + tflite-runtime": Stack("edgeemg-tflite-runtime", "tflite-runtime", ours=True),
    "edgeemg + ai-edge-litert": Stack("edgeemg-ai-edge-litert", "ai-edge-litert", ours=True),
    "edgeemg + onnxruntime": Stack("edgeemg-onnxruntime", "onnxruntime", ours=True),
    "BrainFlow + scipy + onnxruntime": Stack(
        "brainflow",
        "brainflow",
        note="BrainFlow's wheel holds no library for 64-bit ARM: its Python imports there, and "
        "opens no board; it has to be built from source",
    ),
    "LibEMG + onnxruntime": Stack("libemg", "libemg"),
    "PyTorch eager": Stack(
        "torch",
        "torch",
        instead={"torch": "2.9.1"},
        note="PyTorch has no driver and no filters in this row; here its CPU build. For 64-bit ARM "
        "PyPI's wheel of the pinned version is a CUDA build (427 MB packed, and CUDA's libraries "
        "beside it), so 2.9.1 is emulated, whose wheel is for the CPU",
    ),
}


@click.command()
@click.option("--rounds", default=7, show_default=True, help="Fresh processes of each stack.")
@click.option("--cpu", default="cortex-a53", show_default=True, help="The core to emulate.")
@click.option("--stack", "names", multiple=True, help="Only this one; may be given again.")
@click.option("--quick", is_flag=True, help="Two rounds, our own stacks alone.")
@click.option("--out", type=FiguresFile(), help="Keep the figures as JSON.")
@click.option("--page", type=click.Path(path_type=Path), help="Put the tables on this page.")
def main(
    rounds: int,
    cpu: str,
    names: tuple[str, ...],
    quick: bool,
    out: Path | None,
    page: Path | None,
) -> None:
    """Print the tables."""
    facts = machine_facts()
    if quick:
        rounds, names = 2, names or tuple(name for name, one in STACKS.items() if one.ours)
    if unknown := set(names) - set(STACKS):
        raise click.UsageError(f"no stack {', '.join(unknown)}: choose from {'; '.join(STACKS)}")
    chosen = {name: one for name, one in STACKS.items() if name in names or not names}
    try:
        with tempfile.TemporaryDirectory(prefix="edgeemg-footprint-") as work:
            stacks = _measured(chosen, Path(work), rounds=rounds, cpu=cpu)
    except EdgeEmgError as error:
        click.echo(f"footprint: {error}", err=True)
        sys.exit(error.exit_code)
    plain = {**facts, "rounds": rounds, "cpu": cpu, "stacks": stacks}
    keep_figures(out, plain)
    lines = table(plain)
    click.echo("\n".join(lines))
    if page is not None:
        put_between(page, "benchmarks footprint", lines)


def _measured(
    stacks: dict[str, Stack], work: Path, *, rounds: int, cpu: str
) -> dict[str, dict[str, Any]]:
    bundle = generated(_say).bundle
    ours = work / "edgeemg"
    with zipfile.ZipFile(build_wheel(work)) as wheel:
        wheel.extractall(ours)
        own_mb = sum(one.file_size for one in wheel.infolist()) / 1e6
    packages = {
        name: installed(peer_python(one.peer), PEERS[one.peer]) for name, one in stacks.items()
    }
    here = _in_turns(stacks, ours, bundle, rounds=rounds)
    emulator = prepare(_say)
    return {
        name: {
            "note": one.note,
            "here": {
                "packages_mb": _sizes(
                    {key: found.megabytes for key, found in packages[name].items()},
                    own_mb if one.ours else None,
                ),
                "rounds": here[name],
            },
            "aarch64": _emulated(
                emulator,
                cpu,
                one,
                packages[name],
                ours=ours,
                own_mb=own_mb,
                bundle=bundle,
            ),
        }
        for name, one in stacks.items()
    }


def _in_turns(
    stacks: dict[str, Stack], ours: Path, bundle: Path, *, rounds: int
) -> dict[str, list[dict[str, float]]]:
    """A fresh process of each stack a round; the first round only fills the page cache."""
    costs: dict[str, list[dict[str, float]]] = {name: [] for name in stacks}
    for turn in range(rounds + 1):
        _say(f"round {turn} of {rounds}")
        for name, one in stacks.items():
            costs[name].append(_one_here(one, ours, bundle))
    return {name: found[1:] for name, found in costs.items()}


def _one_here(stack: Stack, ours: Path, bundle: Path) -> dict[str, float]:
    command = [str(peer_python(stack.peer)), str(GUEST), stack.subject, str(bundle)]
    done = subprocess.run(  # noqa: S603  # a peer's Python, our script
        command,
        env={
            "PYTHONPATH": str(ours),
            "OMP_NUM_THREADS": "1",
            "ORT_DISABLE_TELEMETRY": "1",
            "HOME": str(Path.home()),
            "LANG": "C.UTF-8",
        },
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        check=False,
    )
    if done.returncode:
        said = (done.stderr.strip() or "it gave no reason").splitlines()[-1]
        raise EngineError(f"{stack.peer}: {said}")
    cost: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return cost


def _emulated(
    emulator: Emulator,
    cpu: str,
    stack: Stack,
    packages: dict[str, Package],
    *,
    ours: Path,
    own_mb: float,
    bundle: Path,
) -> dict[str, Any]:
    """Sizes of the wheels, and what the process takes; or why it does not run there."""
    site, sizes, missing = aarch64_site(stack.peer, packages, stack.instead, _say)
    found: dict[str, Any] = {
        "packages_mb": _sizes(sizes, own_mb if stack.ours else None),
        "no_wheel": missing,
    }
    if missing:
        return {**found, "why_not": "pip cannot install what it imports"}
    _say(f"{stack.peer}: emulated {cpu}")
    try:
        cost = guest_cost(
            emulator, cpu, [site, ours], [str(GUEST), stack.subject, str(bundle.resolve())]
        )
    except EngineError as error:
        return {**found, "why_not": str(error)}
    return {**found, **cost}


def _sizes(packages: dict[str, float], own_mb: float | None) -> dict[str, float]:
    """Largest first, with edgeemg where it is one of them; names as PyPI writes them."""
    named = {name.replace("_", "-").lower(): mb for name, mb in packages.items()}
    if own_mb is not None:
        named["edgeemg"] = own_mb
    return {name: round(mb, 2) for name, mb in sorted(named.items(), key=lambda one: -one[1])}


def _say(text: str) -> None:
    click.echo(text, err=True)


if __name__ == "__main__":
    main()
