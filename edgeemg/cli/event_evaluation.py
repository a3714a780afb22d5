"""A bundle and continuous recordings in; what its decisions come to out, as plain JSON."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from edgeemg.cli.event_tables import counts_table, curve_table, plain_counts, words_line
from edgeemg.cli.hearing import Heard, hear_recordings
from edgeemg.runtime.bundle import Bundle, open_bundle
from edgeemg.runtime.operating_points import OperatingPoint, curve


def evaluate_bundle(
    bundle_folder: Path,
    recordings_folder: Path,
    *,
    engine: str | None = None,
    precision: str | None = None,
    subjects: Sequence[str] = (),
    sessions: Sequence[str] = (),
    tasks: Sequence[str] = (),
    grace_ms: float | None = None,
    unseen: bool = False,
) -> dict[str, Any]:
    """Run the loop over recordings and hold its decisions against their words.

    Tells a table on stderr; returns what `--json` prints (edgeemg.runtime.event_metrics says
    what each count means). The other arguments as in `hear_recordings`, and so the errors.
    """
    bundle = open_bundle(bundle_folder)
    heard = hear_recordings(
        bundle,
        recordings_folder,
        engine=engine,
        precision=precision,
        which={"subject": subjects, "session": sessions, "task": tasks},
        grace_ms=grace_ms,
        unseen=unseen,
    )
    points = curve(heard.stretches, bundle.manifest)
    own = next(one for one in points if one.is_own)
    click.echo(f"{bundle.manifest.name}; {runs(heard)}; {protocol(heard)}", err=True)
    for line in _lines(heard, points, own):
        click.echo(line, err=True)
    tell_remarks(heard)
    return {
        **about(bundle, heard),
        "settings": asdict(bundle.manifest.decision),
        **plain_counts(own.counts),
        "curve": [_plain_point(one) for one in points],
    }


def about(bundle: Bundle, heard: Heard) -> dict[str, Any]:
    """What figures are of, as `--json` prints it."""
    return {
        "data": heard.data,
        "protocol": protocol(heard),
        "model": bundle.manifest.name,
        "engine": heard.engine,
        "file": heard.file,
        "picked": heard.why,
        "generated": heard.generated,
        "licence": heard.licence,
        "recordings": heard.recordings,
        "grace_ms": heard.grace_ms,
        "losses": heard.losses,
        "warnings": heard.warnings,
    }


def _lines(heard: Heard, points: Sequence[OperatingPoint], own: OperatingPoint) -> Iterator[str]:
    yield from counts_table({heard.data: own.counts})
    yield words_line(own.counts)
    yield ""
    yield from curve_table(points)
    yield "* the bundle's own settings; every threshold moves by the same log-odds; 95 % intervals"


def runs(heard: Heard) -> str:
    """Which file was heard with, in what, and why that one."""
    return f"{heard.file} in {heard.engine}, {heard.why}"


def protocol(heard: Heard) -> str:
    """How the figures came about, in a sentence."""
    return (
        f"continuous: the runtime over {heard.recordings} recordings, {heard.minutes:.1f} minutes; "
        f"the first decision from a word's onset to {heard.grace_ms:.0f} ms after its end answers "
        "it, one outside is a false activation"
    )


def tell_remarks(heard: Heard) -> None:
    """Losses, and what has to be said beside the figures."""
    lost = [f"{name.replace('_', ' ')} {n}" for name, n in heard.losses.items() if n]
    if lost:
        click.echo(f"lost: {', '.join(lost)}", err=True)
    if heard.generated:
        click.echo("GENERATED EMG: it says nothing about people", err=True)
    for warning in heard.warnings:
        click.echo(f"warning: {warning}", err=True)


def _plain_point(point: OperatingPoint) -> dict[str, Any]:
    """Its settings without where they come from, and the figures of the curve."""
    settings = asdict(point.settings)
    del settings["origin"]
    counts = point.counts
    return {
        **settings,
        "operating_point": point.is_own,
        "false_per_hour": counts.false_per_hour().plain(),
        "misses": counts.share_of_words(counts.missed).plain(),
        "wrong": counts.share_of_words(counts.wrong).plain(),
        "delay_ms": {"p50": counts.delay_ms(50), "p90": counts.delay_ms(90)},
    }
