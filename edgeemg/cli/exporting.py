"""What `export` and `demo` share: exporting with steps to watch and a table at the end."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from edgeemg.cli.board_tables import board_tables
from edgeemg.errors import needs_extra


def export_with_progress(
    run: Path,
    target: Path,
    *,
    formats: Sequence[str],
    quantize: bool,
    log: Path,
    stream: bool = False,
    boards: Sequence[str] = (),
    **gates: Any,
) -> dict[str, Any]:
    """Export a run into `target`, tell each step, and print the tables.

    stream, boards  as write_bundle takes them
    gates  max_accuracy_drop, min_agreement and allow_fail, as write_bundle takes them
    """
    with needs_extra("train", "reading a run"):
        from edgeemg.train.runs import read_run
    loaded = read_run(run)
    check_extras(formats, quantize=quantize)
    from edgeemg_export.bundle import write_bundle

    log.unlink(missing_ok=True)
    parity = write_bundle(
        loaded,
        target,
        formats=formats,
        quantize=quantize,
        stream=stream,
        log=log,
        on_step=lambda text: click.echo(text, err=True),
        on_parity=lambda parity: click.echo(parity_table(parity), err=True),
        boards=boards,
        **gates,
    )
    if boards:
        click.echo(f"\n{board_tables(parity['boards'])}", err=True)
    for text in parity["failed_gates"]:
        click.echo(f"warning: {text}; the bundle is marked as failed", err=True)
    return parity


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
        f"{'file':<17} {'recipe':<22} {'kB':>6} {'largest diff':>12} {'agree':>7} "
        f"{'balanced':>8} {'drop, points (95 %)':>21}"
    )
    balanced = parity["pytorch"]["balanced_accuracy"]
    rows = [head, f"{'PyTorch':<17} {'':<22} {'':>6} {'':>12} {'':>7} {balanced:>8.3f}"]
    rows += [
        f"{one['file']:<17} {one['recipe'] or one['precision']:<22} {one['bytes'] / 1000:>6.1f} "
        f"{one['largest_difference']:>12.2g} {one['label_agreement']:>7.2%} "
        f"{one['balanced_accuracy']:>8.3f} {_drop(one):>21}{_remark(one)}"
        for one in parity["files"]
    ]
    held_out = parity["held_out"]
    rows.append(
        f"against PyTorch on {held_out['windows']:,} held-out windows; "
        f"balanced accuracy over {held_out['trials']:,} held-out trials, the same for every file"
    )
    return "\n".join(rows)


def _drop(one: dict[str, Any]) -> str:
    low, high = one["drop_interval"]
    return f"{100 * one['balanced_accuracy_drop']:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"


def _remark(one: dict[str, Any]) -> str:
    """What the figures do not say by themselves."""
    if not one["passed"]:
        return "  FAILED"
    return "  one trial, let pass" if one["let_pass"] else ""
