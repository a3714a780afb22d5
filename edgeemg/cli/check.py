"""`edgeemg data check`: what in recordings betrays a class without any speech."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgeemg.cli.training_options import which_recordings

if TYPE_CHECKING:
    from edgeemg.train.leaks import Leaks
    from edgeemg.train.leaks.length import LengthFinding
    from edgeemg.train.leaks.rest import RestFinding


@click.command(short_help="Whether something other than speech betrays a class.")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@which_recordings
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON on stdout.")
def check(
    folder: Path,
    subject: Sequence[str],
    session: Sequence[str],
    task: Sequence[str],
    as_json: bool,
) -> None:
    """Look in DIR for what lets a model look good without reading any speech.

    Whether rest alone tells recordings of different words apart, whether the length of a trial
    names its class, whether a class is in one recording only, and whether two recordings are the
    same. `evaluate` prints the warnings beside its figures. The exit code is 0, whatever is found.
    The findings go to stderr, so that stdout is for --json.

    \b
    edgeemg data check rec
    edgeemg data check rec --subject P001 --task spoken
    edgeemg data check rec --json | jq .warnings
    """
    from edgeemg.cli.training import load_recordings
    from edgeemg.errors import needs_extra

    with needs_extra("train", "looking for leaks"):
        import scipy  # noqa: F401  # named before any work is done
        import sklearn  # noqa: F401

        from edgeemg.train.leaks import check as look
    leaks = look(load_recordings(folder, subject, session, task))
    if as_json:
        click.echo(json.dumps(leaks.as_json(), indent=2, ensure_ascii=False))
        return
    for line in _told(leaks):
        click.echo(line, err=True)


def _told(leaks: "Leaks") -> Iterator[str]:
    if not (leaks.rest or leaks.untested):
        yield "rest: no person has several recordings, there is nothing to tell apart"
    else:
        yield "which recording is this rest from? (cross-validated in stretches of time)"
    yield from _rows([_rest(one) for one in leaks.rest])
    for untested in leaks.untested:
        yield f"  {untested.name}: not tested: {untested.reason}"
    if leaks.length:
        yield "which class has a trial of this length? (cross-validated)"
    else:
        yield "length of trials: not tested: too few trials of two classes"
    yield from _rows([_length(one) for one in leaks.length])
    for one in leaks.lone_classes:
        yield f"in one of {one.recordings} recordings only: {', '.join(one.labels)} ({one.name})"
    for warning in leaks.warnings:
        yield f"warning: {warning}"
    if not leaks.warnings:
        tested = leaks.rest or leaks.length
        yield "no leak found" if tested else "nothing could be tested: that is no sign of no leak"


def _rest(one: "RestFinding") -> list[str]:
    if one.words_differ:
        verdict = (
            "LEAK: they differ in their words" if one.leaks else "not shown to be above chance"
        )
    elif one.tells:
        verdict = "no leak: they do not differ in their words"
    else:
        verdict = "no leak"
    left_out = f"; {one.left_out} with too little rest left out" if one.left_out else ""
    return [
        one.name,
        f"{one.recordings} recordings",
        f"{one.accuracy:.0%} of {one.segments} segments",
        f"chance {one.chance:.0%}",
        f"{one.stretches_right} of {one.stretches} stretches of time",
        f"p {one.p_value:.1g}",
        verdict + left_out,
    ]


def _length(one: "LengthFinding") -> list[str]:
    return [
        one.subject,
        f"{len(one.classes)} classes",
        f"{one.accuracy:.0%} of {one.trials} trials",
        f"commonest class {one.majority:.0%}",
        f"balanced {one.balanced_accuracy:.0%}",
        f"chance {one.chance:.0%}",
        f"p {one.p_value:.1g}",
        "LEAK" if one.leaks else "no leak",
    ]


def _rows(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield ("  " + "  ".join(cells)).rstrip()
