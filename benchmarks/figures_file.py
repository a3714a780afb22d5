"""`--out` of a benchmark in; a file that can be written, known before the run, and its JSON out."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import click


class FiguresFile(click.Path):
    """A file that is there and can be written, or a new one in a folder that can."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, writable=True, path_type=Path)

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:
        """The path; click's bad usage, exit code 2, where it cannot be written."""
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        folder = path.absolute().parent
        if not folder.is_dir():
            self.fail(f"{folder} is no folder: make it first, or name another file", param, ctx)
        if not path.exists() and not os.access(folder, os.W_OK | os.X_OK):
            self.fail(f"{folder} cannot be written: name another file", param, ctx)
        return path


def keep_figures(out: Path | None, plain: Any) -> None:
    """Write the figures; where that fails after all, say them, and exit with 2."""
    if out is None:
        return
    text = json.dumps(plain, indent=2) + "\n"
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        click.echo(f"{text}{out} cannot be written ({error.strerror}): the figures are above")
        sys.exit(2)
