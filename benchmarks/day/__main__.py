"""A bundle and a recording in; a day in the life of `edgeemg run`, in minutes, out.

    python -m benchmarks.day demo/bundle demo/recordings/.../*_run-1_emg.bdf

`edgeemg run` is a process of its own, unchanged but for its clock (benchmarks.day.world).
It reads a simulated sensor of our own protocol, which plays the recording again and again and
counts every sample, on a real pseudo-terminal; it tells every hop to stdout, to a file and over
UDP. Faults come evenly spread: unplugged, garbage, silence, a reboot, nobody listening to UDP, a
full disk (a limit on the file's size stands for it), and a bundle that is loaded again, every
second time a damaged one. What every hop says is held against the same bundle over the recording.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from benchmarks.day.living import live
from benchmarks.day.report import table
from benchmarks.doc_tables import put_between
from benchmarks.machine_facts import in_words, machine_facts
from edgeemg.errors import EdgeEmgError


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.argument("recording", type=click.Path(path_type=Path))
@click.option("--hours", default=8.0, show_default=True, help="Of samples.")
@click.option("--faults", default=100, show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), help="Keep the figures as JSON.")
@click.option("--page", type=click.Path(path_type=Path), help="Put the table on this page.")
def main(
    bundle: Path,
    recording: Path,
    hours: float,
    faults: int,
    seed: int,
    out: Path | None,
    page: Path | None,
) -> None:
    """Live a day, and print what it left behind."""
    facts = machine_facts()
    try:
        day = live(bundle, recording, hours=hours, n_faults=faults, seed=seed)
    except EdgeEmgError as error:
        click.echo(f"day: {error}", err=True)
        sys.exit(error.exit_code)
    plain = {**facts, "day": {name: one for name, one in asdict(day).items() if name != "log"}}
    if out is not None:
        out.write_text(json.dumps(plain, indent=2) + "\n", encoding="utf-8")
    lines = [*table(day), "", f"{in_words(facts)}."]
    click.echo("\n".join(lines))
    if page is not None:
        put_between(page, "day", lines)


if __name__ == "__main__":
    main()
