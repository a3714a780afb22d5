"""What was asked of `profile` in; its report made, or read, and shown, out."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click

from edgeemg.errors import EngineError, GateError, ManifestError


class Asked(NamedTuple):
    """The options of `profile` that say what to do. `boards` of BOARDS, or `all`."""

    engine: str | None
    precision: str | None
    runs: int
    boards: tuple[str, ...]


def made(place: Path, asked: Asked, *, as_json: bool, html: Path | None) -> None:
    """Make the report of a bundle, or read one that --json printed; show it, and what is asked.

    GateError, after all is shown, where a file cannot run or answers wrongly.
    """
    failed: list[str] = []
    if place.is_file():
        report = _shown_again(place)
    elif asked.boards:
        report, failed = _emulated(place, asked)
    else:
        report, failed = _measured(place, asked)
    if html is not None:
        from edgeemg.pages.profile import profile_page

        html.write_text(profile_page(report), encoding="utf-8")
        click.echo(f"page: {html}", err=True)
    if as_json:
        click.echo(json.dumps(report, indent=2, allow_nan=False))
    if failed:
        raise GateError(f"{place}: {'; '.join(failed)}. Use the files that are right here")


def compared(first: Path, second: Path, *, as_json: bool) -> None:
    """Two measured reports side by side."""
    from edgeemg.profiler.comparing import compare, comparison_table

    found = compare(read_report(first), read_report(second), names=(first.stem, second.stem))
    click.echo(comparison_table(found), err=True)
    if as_json:
        click.echo(json.dumps(found, indent=2, allow_nan=False))


def read_report(path: Path) -> dict[str, Any]:
    """A report of either kind; ManifestError where it is something else, or of another version."""
    from edgeemg.profiler.report import SCHEMA_VERSION

    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ManifestError(f"{path} cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise ManifestError(f"{path} is no report: wanted what `profile --json` prints") from error
    if not isinstance(report, dict) or report.get("kind") not in ("measured", "emulated"):
        raise ManifestError(f"{path} is no report: wanted what `profile --json` prints")
    if report.get("schema_version") != SCHEMA_VERSION:
        raise ManifestError(
            f"{path} is a report of version {report.get('schema_version')!r}, this edgeemg reads "
            f"{SCHEMA_VERSION}: profile again"
        )
    return report


def _shown_again(path: Path) -> dict[str, Any]:
    report = read_report(path)
    _show(report)
    return report


def _show(report: dict[str, Any]) -> None:
    if report["kind"] == "measured":
        from edgeemg.profiler.tables import profile_tables

        click.echo(profile_tables(report), err=True)
        return
    from edgeemg.cli.board_profile_tables import board_profile_tables

    click.echo(board_profile_tables(report), err=True)


def _measured(folder: Path, asked: Asked) -> tuple[dict[str, Any], list[str]]:
    from edgeemg.cli.profiling import profile_with_progress
    from edgeemg.profiler.report import failures

    found = profile_with_progress(
        folder, engine=asked.engine, precision=asked.precision, runs=asked.runs
    )
    return found.plain(), failures(found)


def _emulated(folder: Path, asked: Asked) -> tuple[dict[str, Any], list[str]]:
    from edgeemg.cli.profiling import tell
    from edgeemg.profiler.board_profile import profile_boards
    from edgeemg.profiler.emulator import prepare
    from edgeemg.runtime.bundle import open_bundle

    bundle, boards = open_bundle(folder), _boards(asked.boards)
    try:
        found = profile_boards(
            bundle,
            boards,
            prepare(tell),
            engine=asked.engine,
            precision=asked.precision,
            on_step=tell,
        ).plain()
    finally:
        tell("")
    _show(found)
    return found, _failed(found)


def _boards(asked: Sequence[str]) -> list[str]:
    from edgeemg.profiler.boards import BOARDS

    if "all" in asked:
        return list(BOARDS)
    for name in asked:
        if name not in BOARDS:
            raise EngineError(f"unknown board {name!r}: choose of {', '.join(BOARDS)}, or all")
    return list(dict.fromkeys(asked))


def _failed(report: dict[str, Any]) -> list[str]:
    return [
        f"{one['file']} does not run on {name}: {one['reason']}"
        for name, board in report["boards"].items()
        for one in board["files"]
        if one["status"] == "failed"
    ]
