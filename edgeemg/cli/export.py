"""`edgeemg export`: a run in, a bundle out."""

import os
from pathlib import Path
from typing import Any

import click

from edgeemg.cli.numbers import FRACTION
from edgeemg.cli.outputs import fresh_folder
from edgeemg.profiler.boards import BOARDS
from edgeemg_export.limits import MAX_ACCURACY_DROP, MIN_AGREEMENT


@click.command()
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Where it goes.")
@click.option("--quantize", is_flag=True, help="Write int8 files beside the float ones.")
@click.option(
    "--stream",
    is_flag=True,
    help="Files that take only the new samples of a hop (tcn, causal-cnn, transformer).",
)
@click.option(
    "--format",
    "formats",
    type=click.Choice(["onnx", "tflite"]),
    multiple=True,
    default=("onnx", "tflite"),
    show_default=True,
    help="Only this format; may be repeated.",
)
@click.option(
    "--max-accuracy-drop",
    type=FRACTION,
    default=MAX_ACCURACY_DROP,
    show_default=True,
    help="Most that int8 may lose of balanced accuracy on held-out trials; what one trial of the "
    "smallest class is worth is let pass.",
)
@click.option(
    "--min-agreement",
    type=FRACTION,
    default=MIN_AGREEMENT,
    show_default=True,
    help="Least fraction of held-out windows on which int8 names PyTorch's label.",
)
@click.option("--allow-fail", is_flag=True, help="Write a bundle that fails, marked as such.")
@click.option(
    "--board",
    "boards",
    type=click.Choice([*BOARDS, "all"]),
    multiple=True,
    help="Choose the best file for this board, on its core emulated; may be repeated.",
)
@click.option("--force", is_flag=True, help="Replace what --out holds.")
@click.option("--json", "as_json", is_flag=True, help="Print the parity report on stdout.")
def export(run: Path, out: Path, force: bool, as_json: bool, **options: Any) -> None:
    """Write the bundle that runs on the device, and prove that nothing was lost.

    The bundle is one folder: ONNX and TFLite files, their manifest, parity.json and golden
    inputs for a self-test. Exit code 1, and no bundle, when a file is not as good as PyTorch; the
    message names the layers that are worst. --allow-fail writes it all the same: the manifest then
    says what failed, `inspect` shows it and `run` warns. Files that answer with what is no number
    are refused even so.

    --board runs every file on the board's core, emulated by qemu-user, and counts instructions:
    of the files that pass and answer rightly there, the one with the fewest is chosen, or one
    within 5 % of them that needs at least 1 MB less memory. `run` uses it by default.

    --stream writes files that take each sample once and hand their state to the caller; what they
    answer is what the whole windows give.

    \b
    edgeemg export runs/cnn --quantize --out bundles/cnn
    edgeemg export runs/tcn --quantize --stream --out bundles/tcn
    edgeemg export runs/cnn --quantize --board pi-zero-2w --board pi-4 --out bundles/cnn
    edgeemg export runs/cnn --quantize --format onnx --out bundles/cnn-onnx
    """
    from edgeemg.cli.exporting import export_with_progress

    boards = options.pop("boards")
    named = tuple(BOARDS) if "all" in boards else tuple(dict.fromkeys(boards))
    with fresh_folder(out, force=force, inputs=[run]) as target:
        log = _log(run, out)
        parity = export_with_progress(run, target, log=log, boards=named, **options)
    click.echo(f"what the converters said is in {log}", err=True)
    click.echo(f"bundle written to {out}; next: edgeemg profile {out}", err=True)
    if as_json:
        import json

        click.echo(json.dumps(parity, indent=2))


def _log(run: Path, out: Path) -> Path:
    """In the run; beside the bundle where the run cannot be written to."""
    if os.access(run, os.W_OK):
        return run / "export.log"
    return out.resolve().parent / f"{out.name}.export.log"
