"""What `export` and `demo` share: exporting with steps to watch and a table at the end."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from edgeemg.errors import needs_extra


def export_with_progress(
    run: Path,
    target: Path,
    *,
    formats: Sequence[str],
    quantize: bool,
    min_agreement: float,
    log: Path,
) -> dict[str, Any]:
    """Export a run into `target`, tell each step, and print the parity table."""
    with needs_extra("train", "reading a run"):
        from edgeemg.train.runs import read_run
    loaded = read_run(run)
    check_extras(formats, quantize=quantize)
    from edgeemg_export.bundle import write_bundle

    log.unlink(missing_ok=True)
    return write_bundle(
        loaded,
        target,
        formats=formats,
        quantize=quantize,
        min_agreement=min_agreement,
        log=log,
        on_step=lambda text: click.echo(text, err=True),
        on_parity=lambda parity: click.echo(parity_table(parity), err=True),
    )


def check_extras(formats: Sequence[str], *, quantize: bool) -> None:
    """Name a missing extra before any work is done, not after a minute of it.

    The libraries are looked for and not imported: some print a page when they are.
    """
    wanted = [("export", name) for name in ("onnx", "onnxscript", "onnxruntime")]
    if "tflite" in formats:
        wanted.append(("tflite-export", "litert_torch"))
    if "tflite" in formats and quantize:
        wanted.append(("tflite-export", "ai_edge_quantizer"))
    for extra, name in wanted:
        with needs_extra(extra, "exporting"):
            if find_spec(name) is None:
                raise ModuleNotFoundError(name=name)


def parity_table(parity: dict[str, Any]) -> str:
    """The parity report as aligned lines."""
    head = (
        f"{'file':<20} {'recipe':<20} {'kB':>7} {'largest diff':>13} {'agree':>7} {'accuracy':>9}"
    )
    rows = [
        head,
        f"{'PyTorch':<20} {'':<20} {'':>7} {'':>13} {'':>7} {parity['pytorch']['accuracy']:>9.3f}",
    ]
    rows += [
        f"{one['file']:<20} {one['recipe'] or one['precision']:<20} {one['bytes'] / 1000:>7.1f} "
        f"{one['largest_difference']:>13.2g} {one['label_agreement']:>7.2%} {one['accuracy']:>9.3f}"
        for one in parity["files"]
    ]
    held_out = parity["held_out"]
    rows.append(
        f"against PyTorch on {held_out['windows']:,} held-out windows; "
        f"accuracy over {held_out['trials']:,} held-out trials"
    )
    return "\n".join(rows)
