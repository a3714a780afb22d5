"""Trained runs in; what each engine costs for the same network, here and on aarch64, out.

    python -m benchmarks.engines                       # a cnn and a transformer on generated EMG
    python -m benchmarks.engines RUN RUN --rounds 3    # other runs of `edgeemg train`

Every engine gets the same weights in its own format (engines_files.py) and answers the same
held-out windows, one window at a time on one thread. Here each is a fresh process in an environment
of its own, and they take turns: another one begins in every round, and ratios are of one round. On
aarch64 instructions are counted under emulation, which are not times. Answers are held against
PyTorch's, and a row whose answers are wrong says so. Half an hour; needs the extra `host`,
qemu-user, g++ and g++-aarch64-linux-gnu, and the network once.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import ArrayLike

import edgeemg
from benchmarks.doc_tables import put_between
from benchmarks.engines_emulated import count, executorch_here
from benchmarks.engines_files import SUBJECTS, default_runs, engine_files
from benchmarks.engines_rows import ENGINES, PRECISIONS, Engine
from benchmarks.engines_table import table
from benchmarks.figures_file import FiguresFile, keep_figures
from benchmarks.machine_facts import machine_facts
from benchmarks.peers import PEERS, peer_python
from edgeemg.errors import EdgeEmgError, EngineError, MissingToolError
from edgeemg.manifest import Manifest, read_manifest
from edgeemg.profiler.boards import CPUS
from edgeemg.profiler.children import why_it_ended
from edgeemg.profiler.emulator import prepare
from edgeemg_export.limits import MIN_AGREEMENT

FLOAT_TOLERANCE = 1e-4  # of a logit
_ROOT = Path(edgeemg.__file__).parent.parent
_PATIENCE_S = 300
_MEASURED = ("p50_us", "p10_us", "p99_us", "load_ms", "first_ms", "peak_rss_mb")

Row = dict[str, Any]


@click.command()
@click.argument("runs", nargs=-1, type=click.Path(path_type=Path))
@click.option("--rounds", default=5, show_default=True)
@click.option("--inferences", default=500, show_default=True, help="Timed, a process.")
@click.option("--quick", is_flag=True, help="One round, 100 inferences, one emulated core.")
@click.option("--cpu", "cpus", multiple=True, type=click.Choice(CPUS), help="Default: all three.")
@click.option("--without-emulation", is_flag=True, help="Only this machine.")
@click.option("--out", type=FiguresFile(), help="Keep the figures as JSON.")
@click.option("--page", type=click.Path(path_type=Path), help="Put the tables on this page.")
def main(
    runs: tuple[Path, ...],
    rounds: int,
    inferences: int,
    quick: bool,
    cpus: tuple[str, ...],
    without_emulation: bool,
    out: Path | None,
    page: Path | None,
) -> None:
    """Print a table for each network."""
    if quick:
        rounds, inferences, cpus = 1, 100, cpus or ("cortex-a72",)
    cores = () if without_emulation else cpus or CPUS
    try:
        plain = _figures(runs, cores, rounds=rounds, inferences=inferences)
    except EdgeEmgError as error:
        click.echo(f"engines: {error}", err=True)
        sys.exit(error.exit_code)
    keep_figures(out, plain)
    lines = table(plain)
    click.echo("\n".join(lines))
    if page is not None:
        put_between(page, "benchmarks engines", lines)


def _figures(
    runs: Sequence[Path], cores: Sequence[str], *, rounds: int, inferences: int
) -> dict[str, Any]:
    folders = [engine_files(run, _say) for run in runs or default_runs(_say)]
    return {
        **machine_facts(),
        "versions": _versions(),
        "rounds": rounds,
        "inferences": inferences,
        "cpus": list(cores),
        "networks": [_network(one, cores, rounds=rounds, inferences=inferences) for one in folders],
    }


def _network(folder: Path, cores: Sequence[str], *, rounds: int, inferences: int) -> dict[str, Any]:
    manifest = read_manifest(folder)
    rows = list(_rows(folder, manifest))
    _measure_in_turns(rows, folder, rounds=rounds, inferences=inferences)
    if cores:
        _count_all(rows, folder, cores)
    return {
        "network": manifest.model.family,
        "macs": manifest.model.macs,
        "parameters": manifest.model.parameters,
        "shape": list(manifest.input_shape[1:]),
        "sample_rate_hz": manifest.sample_rate_hz,
        "generated_emg": manifest.training.generated,
        "windows": len(np.load(folder / "windows.npy")),
        "rows": rows,
    }


def _rows(folder: Path, manifest: Manifest) -> Sequence[Row]:
    """A row for each engine and precision, without figures yet."""
    rows: list[Row] = []
    for name, engine in ENGINES.items():
        for precision in PRECISIONS:
            row: Row = {"engine": name, "precision": precision}
            if file := engine.files.get(precision):
                facts = manifest.files.get(file)
                recipe = (facts and facts.recipe) or engine.recipes.get(precision, "")
                rows.append({**row, "file": file, "recipe": recipe, "bytes": _size(folder / file)})
            elif why := engine.absent.get(precision):
                rows.append({**row, "absent": why})
    return rows


def _size(path: Path) -> int:
    files = path.iterdir() if path.is_dir() else [path]
    return sum(one.stat().st_size for one in files)


def _measure_in_turns(rows: Sequence[Row], folder: Path, *, rounds: int, inferences: int) -> None:
    """Adds `here` and `answers` to each row that has a file."""
    present = [one for one in rows if "file" in one]
    for row in present:
        row["here"] = {name: [] for name in _MEASURED}
    for turn in range(rounds):
        for place in range(len(present)):
            row = present[(place + turn * len(present) // rounds) % len(present)]
            _say(f"round {turn + 1} of {rounds}: {folder.name}, {row['engine']} {row['precision']}")
            said = _one(ENGINES[row["engine"]], folder / row["file"], folder, inferences)
            for name in _MEASURED:
                row["here"][name].append(round(said[name], 4))
            row["answers"] = judged(said["logits"], folder, row["precision"])


def _one(engine: Engine, path: Path, folder: Path, inferences: int) -> dict[str, Any]:
    """What one fresh process here says."""
    # onnxruntime would otherwise report to its maker, with threads of its own
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "ORT_DISABLE_TELEMETRY": "1"}
    environment.pop("PYTHONPATH", None)
    if engine.peer == "torch":
        environment["PYTHONPATH"] = str(_ROOT)  # the network's own code
    if engine.peer == "executorch":
        environment["EDGEEMG_EXECUTORCH"] = str(executorch_here())
    command = [peer_python(engine.peer), SUBJECTS / engine.script, path, folder / "windows.npy"]
    try:
        done = subprocess.run(  # noqa: S603  # a peer's Python, a script of ours
            [*map(str, command), str(inferences)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise EngineError(f"{engine.script}, {path}: no answer within {_PATIENCE_S} s") from error
    if done.returncode:
        raise EngineError(f"{engine.script}, {path}: {why_it_ended(done.returncode, done.stderr)}")
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


def judged(logits: ArrayLike, folder: Path, precision: str) -> dict[str, Any]:
    """How far the logits are from PyTorch's, and whether that is wrong for this precision."""
    found, wanted = np.asarray(logits, dtype=np.float64), np.load(folder / "truth.npy")
    same_shape = found.shape == wanted.shape and bool(np.isfinite(found).all())
    if not same_shape:
        return {"max_error": None, "agreement": 0.0, "wrong": True}
    error = float(np.abs(found - wanted).max())
    agreement = float((found.argmax(axis=1) == wanted.argmax(axis=1)).mean())
    right = error <= FLOAT_TOLERANCE if precision == "float32" else agreement >= MIN_AGREEMENT
    return {"max_error": error, "agreement": agreement, "wrong": not right}


def _count_all(rows: Sequence[Row], folder: Path, cores: Sequence[str]) -> None:
    """Adds `aarch64` to each row that has a file: by core, the counts or why there are none."""
    emulator = prepare(_say)
    for row in rows:
        if "file" not in row:
            continue
        engine, row["aarch64"] = ENGINES[row["engine"]], {}
        for cpu in cores:
            _say(f"{cpu}: {folder.name}, {row['engine']} {row['precision']}")
            windows = folder / "windows.npy"
            try:
                said = count(emulator, cpu, engine, folder / row["file"], windows, _say)
            except (EngineError, MissingToolError) as error:
                row["aarch64"][cpu] = {"absent": str(error)}
                continue
            row["aarch64"][cpu] = {
                "instructions": sum(said["kinds"].values()),
                "kinds": said["kinds"],
                "peak_memory_mb": round(said["peak_memory_bytes"] / 1e6, 2),
                "answers": judged(said["logits"], folder, row["precision"]),
            }


def _versions() -> dict[str, str]:
    """Of every engine here, as its environment pins it."""
    pins = [PEERS[one.peer][0].split("==") for one in ENGINES.values()]
    return dict(pins)


def _say(text: str) -> None:
    click.echo(text, err=True)


if __name__ == "__main__":
    main()
