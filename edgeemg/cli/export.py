"""`edgeemg export`: a run in, a bundle out."""

from pathlib import Path
from typing import Any

import click

from edgeemg.cli.numbers import FRACTION
from edgeemg.cli.outputs import fresh_folder


@click.command()
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Where it goes.")
@click.option("--quantize", is_flag=True, help="Write int8 files beside the float ones.")
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
    "--min-agreement",
    type=FRACTION,
    default=0.97,
    show_default=True,
    help="Least fraction of held-out windows on which int8 names PyTorch's label.",
)
@click.option("--force", is_flag=True, help="Replace what --out holds.")
@click.option("--json", "as_json", is_flag=True, help="Print the parity report on stdout.")
def export(run: Path, out: Path, force: bool, as_json: bool, **options: Any) -> None:
    """Write the bundle that runs on the device, and prove that nothing was lost.

    The bundle is one folder: ONNX and TFLite files, their manifest, parity.json and golden
    inputs for a self-test. Exit code 1, and no bundle, when a file is not as good as PyTorch.

    \b
    edgeemg export runs/cnn --quantize --out bundles/cnn
    edgeemg export runs/cnn --quantize --format onnx --out bundles/cnn-onnx
    """
    from edgeemg.cli.exporting import export_with_progress

    with fresh_folder(out, force=force, inputs=[run]) as target:
        log = run / "export.log"
        parity = export_with_progress(run, target, log=log, **options)
    click.echo(f"what the converters said is in {log}", err=True)
    click.echo(f"bundle written to {out}; next: edgeemg profile {out}", err=True)
    if as_json:
        import json

        click.echo(json.dumps(parity, indent=2))
