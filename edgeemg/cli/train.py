"""`edgeemg train`: recordings in, a run out."""

from pathlib import Path
from typing import Any

import click

from edgeemg.cli.outputs import fresh_folder
from edgeemg.cli.training_options import how_to_train, which_recordings
from edgeemg.train.settings import FitSettings


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--model", default="cnn", show_default=True, help="Which network; see MODELS below.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Where the run goes.")
@which_recordings
@how_to_train
@click.option("--rest-label", help="The label that means rest; found by its name otherwise.")
@click.option(
    "--patience",
    type=click.IntRange(min=1),
    default=FitSettings().patience,
    show_default=True,
    help="Epochs without gain, then stop.",
)
@click.option("--force", is_flag=True, help="Replace what --out holds.")
@click.option("--json", "as_json", is_flag=True, help="Print the metrics as JSON on stdout.")
def train(folder: Path, out: Path, force: bool, as_json: bool, **options: Any) -> None:
    """Train one network on the recordings in DIR and write a run.

    \b
    MODELS: cnn, transformer, hybrid, tcn, causal-cnn, gru, fft-cnn, lda, simple-cnn,
      patch-transformer, simple-transformer

    \b
    edgeemg train rec/somach --model cnn --out runs/cnn
    edgeemg train rec/subvocal --subject P001 --task spoken --model transformer --out runs/p1
    """
    from edgeemg.cli.training import load_recordings, train_with_progress
    from edgeemg.errors import needs_extra

    with needs_extra("train", "training"):
        import rich  # noqa: F401  # named before any work is done
        import scipy  # noqa: F401

        from edgeemg.train.runs import write_run
        from edgeemg.train.training import check_names
    check_names(options["model"], options["front_end"])
    with fresh_folder(out, force=force, inputs=[folder]) as target:
        recordings = load_recordings(
            folder, options["subject"], options["session"], options["task"]
        )
        trained = train_with_progress(recordings, options, data=folder.resolve().name)
        write_run(trained, target)
    click.echo(
        f"run written to {out}; next: edgeemg export {out} --quantize --out BUNDLE", err=True
    )
    if as_json:
        import json

        click.echo(json.dumps(trained.metrics, indent=2, ensure_ascii=False))
