"""Runs of folds in; what each exported file weighs, loses and costs out, as tables and JSON.

    edgeemg evaluate rec/somach --model cnn --session studyB --keep folds/cnn
    python -m benchmarks.exports folds/cnn --out exports

One folder a family, as `evaluate --keep` writes it. Every fold is exported and compared with
PyTorch on the trials that it was not trained on; the first fold's bundle is run on emulated
boards, and once more as a stream where the family can. --reuse takes bundles that are there, from
whatever runs and code they came, as after an interruption.
Needs the extra `host`, qemu-user and a C compiler.
"""

import json
import platform
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from edgeemg.cli.outputs import fresh_folder
from edgeemg.errors import EdgeEmgError
from edgeemg.manifest import read_manifest
from edgeemg.profiler.boards import BOARDS
from edgeemg.runtime.bundle import PARITY_NAME
from edgeemg.train.models.streaming import Streamable
from edgeemg.train.runs import read_run
from edgeemg_export.bundle import write_bundle

_BOARDS = tuple(BOARDS)
_BY_CPU = {board.cpu: name for name, board in BOARDS.items()}


@click.command()
@click.argument(
    "families", metavar="FOLDS...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option("--out", default="exports", show_default=True, type=click.Path(path_type=Path))
@click.option("--reuse", is_flag=True, help="Make no bundle again that is in --out.")
def main(families: tuple[Path, ...], out: Path, reuse: bool) -> None:
    """Print the tables, and keep them as exports.json."""
    out.mkdir(parents=True, exist_ok=True)
    try:
        results = {
            folder.name: _family(folder, out / folder.name, reuse=reuse) for folder in families
        }
    except EdgeEmgError as error:
        click.echo(f"exports: {error}", err=True)
        sys.exit(error.exit_code)
    plain = {"machine": platform.machine(), "python": platform.python_version(), **results}
    (out / "exports.json").write_text(json.dumps(plain, indent=2) + "\n", encoding="utf-8")
    for line in _tables(results):
        click.echo(line)


def _family(runs: Path, out: Path, *, reuse: bool) -> dict[str, Any]:
    folds = sorted(runs.glob("fold-*"))
    if not folds:
        raise EdgeEmgError(f"{runs} holds no fold-*: make them with `edgeemg evaluate --keep`")
    reports = [
        _report(fold, out / fold.name, boards=_BOARDS if fold is folds[0] else (), reuse=reuse)
        for fold in folds
    ]
    family: dict[str, Any] = {
        "family": read_manifest(folds[0]).model.family,
        "data": read_manifest(folds[0]).training.data,
        "pytorch": _mean(one["pytorch"]["balanced_accuracy"] for one in reports),
        "files": [_file(reports, place) for place in range(len(reports[0]["files"]))],
        "boards": reports[0]["boards"],
        "libraries": sorted({one["library"] for one in _candidates(reports[0]["boards"])}),
    }
    if isinstance(read_run(folds[0]).model, Streamable):
        stream = _report(folds[0], out / "stream", boards=_BOARDS, stream=True, reuse=reuse)
        family |= {"stream": stream["boards"], "stream_parity": stream["files"]}
    return family


def _report(
    run: Path, bundle: Path, *, boards: Sequence[str], stream: bool = False, reuse: bool
) -> dict[str, Any]:
    """parity.json of a run's bundle, which is made unless one is there that may be used again."""
    if not (reuse and (bundle / PARITY_NAME).is_file()):
        click.echo(f"{bundle}", err=True)
        with fresh_folder(bundle, force=True) as target:
            write_bundle(
                read_run(run),
                target,
                formats=("onnx", "tflite"),
                quantize=True,
                allow_fail=True,
                boards=boards,
                stream=stream,
                log=bundle.with_suffix(".log"),
                on_step=lambda text: click.echo(f"  {text}", err=True),
            )
    report: dict[str, Any] = json.loads((bundle / PARITY_NAME).read_text(encoding="utf-8"))
    return report


def _file(reports: Sequence[dict[str, Any]], place: int) -> dict[str, Any]:
    """One file over all folds."""
    own = [one["files"][place] for one in reports]
    windows = [one["held_out"]["windows"] for one in reports]
    agreement = [one["label_agreement"] for one in own]
    return {
        "file": own[0]["file"],
        "recipe": own[0]["recipe"],
        "kept_float": own[0].get("kept_float", []),
        "bytes": own[0]["bytes"],
        "largest_difference": max(one["largest_difference"] for one in own),
        "balanced_accuracy": _mean(one["balanced_accuracy"] for one in own),
        "balanced_accuracy_drop": _mean(one["balanced_accuracy_drop"] for one in own),
        "drops": [one["balanced_accuracy_drop"] for one in own],
        "label_agreement": float(np.average(agreement, weights=windows)),
        "agreements": agreement,
        "folds_passed": sum(one.get("passed", True) for one in own),
    }


def _tables(results: dict[str, dict[str, Any]]) -> Iterator[str]:
    yield (
        "| family | file | bytes | balanced accuracy | drop, points | agreement | folds passed | "
        + " | ".join(_BY_CPU)
        + " | chosen for |"
    )
    yield "|---|---|" + "---:|" * (5 + len(_BY_CPU)) + "---|"
    for name, family in results.items():
        for file in family["files"]:
            yield _row(name, file, family)
    yield ""
    yield "| family | board | chosen stream | instructions a hop | of the chosen whole window |"
    yield "|---|---|---|---:|---:|"
    for name, family in results.items():
        yield from _stream_rows(name, family)


def _row(name: str, file: dict[str, Any], family: dict[str, Any]) -> str:
    counts = [_count(family["boards"][board], file["file"]) for board in _BY_CPU.values()]
    chosen = [board for board, one in family["boards"].items() if one["chosen"] == file["file"]]
    cells = [
        name,
        f"{file['file']} ({file['recipe'] or 'float'})",
        f"{file['bytes']:,}",
        f"{file['balanced_accuracy']:.3f}",
        f"{100 * file['balanced_accuracy_drop']:+.2f}",
        f"{file['label_agreement']:.2%}",
        f"{file['folds_passed']}",
        *("-" if one is None else f"{one / 1000:,.0f} k" for one in counts),
        ", ".join(chosen),
    ]
    return f"| {' | '.join(cells)} |"


def _stream_rows(name: str, family: dict[str, Any]) -> Iterator[str]:
    for board, one in family.get("stream", {}).items():
        whole = family["boards"][board]
        if one["chosen"] is None or whole["chosen"] is None:
            yield f"| {name} | {board} | none passed | - | - |"
            continue
        hop, window = _count(one, one["chosen"]), _count(whole, whole["chosen"])
        assert hop is not None, "what is chosen was counted"
        assert window is not None, "what is chosen was counted"
        yield f"| {name} | {board} | {one['chosen']} | {hop:,} | {hop / window:.2f} |"


def _count(board: dict[str, Any], file: str) -> int | None:
    counts = [one["instructions"] for one in board["candidates"] if one["file"] == file]
    return counts[0] if counts else None


def _candidates(boards: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for board in boards.values():
        yield from board["candidates"]


def _mean(values: Iterator[float]) -> float:
    return float(np.mean(list(values)))


if __name__ == "__main__":
    main()
