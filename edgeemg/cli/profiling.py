"""What `profile` and `demo` share: profiling with steps to watch and tables at the end."""

import sys
from pathlib import Path

import click

from edgeemg.profiler.report import Profile


def profile_with_progress(
    folder: Path, *, engine: str | None = None, precision: str | None = None, runs: int
) -> Profile:
    """Profile a bundle, tell each step, and print the tables."""
    from edgeemg.profiler.report import profile
    from edgeemg.profiler.tables import profile_tables
    from edgeemg.runtime.bundle import open_bundle

    try:
        report = profile(
            open_bundle(folder), engine=engine, precision=precision, runs=runs, on_step=tell
        )
    finally:
        tell("")
    click.echo(profile_tables(report.plain()), err=True)
    return report


def tell(step: str) -> None:
    """One line that the next step writes over; a line each where nobody watches."""
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[K{step}", nl=False, err=True)
    elif step:
        click.echo(step, err=True)
