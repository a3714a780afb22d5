"""`edgeemg inspect`: a bundle in, what it holds in plain words out."""

from pathlib import Path

import click


@click.command(short_help="What a bundle holds, and what was really quantised.")
@click.argument("bundle", metavar="BUNDLE", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print everything on stdout.")
def inspect(bundle: Path, as_json: bool) -> None:
    """Tell what a bundle takes, decides and was trained on, and what each model file does.

    Every file is checked against its sha256 first. ONNX operators are told as onnxruntime runs
    them on this machine, TFLite operators as the file holds them; either takes its engine.

    \b
    edgeemg inspect bundles/cnn
    edgeemg inspect bundles/cnn --json | jq '.files[].operators'
    """
    from edgeemg.cli.inspecting import inspection_text
    from edgeemg.profiler.inspection import inspect_bundle
    from edgeemg.runtime.bundle import open_bundle

    found = inspect_bundle(open_bundle(bundle))
    click.echo(inspection_text(found), err=True)
    if as_json:
        import json

        click.echo(json.dumps(found, indent=2))
