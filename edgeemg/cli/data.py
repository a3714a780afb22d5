"""`edgeemg data`: recordings into one folder, what is in it, and generated ones."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgeemg.cli.check import check
from edgeemg.cli.data_recover import recover
from edgeemg.cli.numbers import POSITIVE, FiniteRange

if TYPE_CHECKING:
    from edgeemg.data.importers.imported import Imported
    from edgeemg.data.summary import Group, Summary
    from edgeemg.dsp.samples import Recording

_KINDS = ("subvocal-emg", "somach-semg", "csv")
_UNITS = ("uV", "mV", "V", "counts")
_MOST_NAMES = 8  # of skipped trials; the rest is counted, and in --json


@click.group()
def data() -> None:
    """Recordings: import them, see what is in them, or generate some.

    \b
    edgeemg data import csv my.csv --rate 250 --out rec
    edgeemg data info rec
    edgeemg data check rec
    edgeemg data synth --out rec-generated
    """


data.add_command(check)
data.add_command(recover)


@data.command("import", short_help="Turn recordings of another layout into EMG-BIDS.")
@click.argument("kind", type=click.Choice(_KINDS))
@click.argument("source", metavar="SRC", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to add to.")
@click.option("--keep-bad-channels", is_flag=True, help="Keep flat and railed channels.")
@click.option(
    "--min-trial-ms",
    type=FiniteRange(min=0),
    default=500.0,
    show_default=True,
    help="Skip shorter trials of somach-semg and csv, by name.",
)
@click.option("--rate", "rate_hz", type=POSITIVE, help="csv: samples a second.")
@click.option("--channels", help="csv: columns, as CH1,CH2; every column of numbers otherwise.")
@click.option(
    "--unit",
    default="uV",
    show_default=True,
    type=click.Choice(_UNITS),
    help="csv: of the numbers.",
)
@click.option(
    "--scale",
    type=POSITIVE,
    help="csv: microvolts a unit; needed for counts.",
)
@click.option("--label-column", default="", help="csv: label, word or class otherwise.")
@click.option(
    "--label-from",
    default="column",
    show_default=True,
    type=click.Choice(["column", "name"]),
    help="csv: where labels are; a name counts up to its first _.",
)
@click.option("--label-pattern", default="", help="csv: regular expression for --label-from name.")
@click.option("--rest-label", default="", help="csv: this label means rest.")
@click.option("--mains", "mains_hz", type=click.Choice(["50", "60"]), help="csv: mains, Hz.")
@click.option("--subject", default="01", show_default=True, help="csv: person.")
@click.option("--session", default="1", show_default=True, help="csv: day or donning.")
@click.option("--task", default="speech", show_default=True, help="csv: way of speaking.")
@click.option("--delimiter", type=click.Choice([",", ";", "tab"]), help="csv: found out otherwise.")
@click.option(
    "--decimal",
    default=".",
    show_default=True,
    type=click.Choice([".", ","]),
    help="csv: decimal mark of the numbers.",
)
@click.option("--name", help="csv: name of the data set.")
@click.option("--licence", default="", help="csv: licence of the data set.")
def import_(
    kind: str,
    source: Path,
    out: Path,
    keep_bad_channels: bool,
    min_trial_ms: float,
    **layout: Any,
) -> None:
    """Read recordings of another layout and add them to the folder --out, all or none.

    SRC is the whole of a data set or any part of it: one person, one session, one file. Flat and
    railed channels are named and left out, short trials are named and skipped.

    \b
    edgeemg data import subvocal-emg subvocal-emg/P001 --out rec/subvocal
    edgeemg data import somach-semg somach-semg --out rec/somach
    edgeemg data import csv session.csv --rate 250 --mains 50 --out rec/mine
    edgeemg data import csv trials/ --rate 250 --label-from name --out rec/mine
    edgeemg data import csv raw.csv --rate 1000 --unit counts --scale 0.0223517 --out rec/mine
    edgeemg data import csv export.csv --rate 500 --decimal , --out rec/mine
    """
    from edgeemg.data.importers import import_recordings
    from edgeemg.data.importers.imported import CsvLayout, ImportSettings

    channels = tuple(part.strip() for part in (layout.pop("channels") or "").split(",") if part)
    mains = layout.pop("mains_hz")
    delimiter = layout.pop("delimiter") or ""
    name = layout.pop("name")
    settings = ImportSettings(
        keep_bad_channels=keep_bad_channels,
        min_trial_ms=min_trial_ms,
        csv=CsvLayout(
            channels=channels,
            mains_hz=float(mains) if mains else None,
            delimiter="\t" if delimiter == "tab" else delimiter,
            **({"name": name} if name else {}),
            **layout,
        ),
    )
    imported = import_recordings(kind, source, out, settings=settings, progress=_reading)
    _tell(imported, out)


@data.command(short_help="What a folder of recordings holds.")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON on stdout.")
def info(folder: Path, as_json: bool) -> None:
    """Read every recording in DIR and say what is in it.

    The table goes to stderr, so that stdout is for --json.

    \b
    edgeemg data info rec
    edgeemg data info rec 2>&1 | less
    edgeemg data info rec --json | jq .trials
    """
    import json

    from edgeemg.data.summary import summarise

    summary = summarise(folder)
    if as_json:
        click.echo(json.dumps(summary.as_json(), indent=2, ensure_ascii=False))
        return
    for line in _described(summary):
        click.echo(line, err=True)


@data.command(short_help="Generated EMG, to try things without a sensor.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to add to.")
@click.option("--subjects", default=1, show_default=True, help="People.")
@click.option("--sessions", default=1, show_default=True, help="Sessions of each person.")
@click.option("--repetitions", default=20, show_default=True, help="Of each word in a session.")
@click.option("--words", default=4, show_default=True, help="Words besides rest.")
@click.option("--channels", default=8, show_default=True, help="Electrodes.")
@click.option(
    "--rate", "sample_rate_hz", type=POSITIVE, default=250.0, show_default=True, help="Hz."
)
@click.option("--seed", default=0, show_default=True, help="Same seed, same EMG.")
def synth(out: Path, **options: Any) -> None:
    """Generate EMG of silent speech; everything made from it says that it is generated.

    \b
    edgeemg data synth --out rec/generated
    edgeemg data synth --subjects 3 --sessions 2 --seed 7 --out rec/generated
    """
    from edgeemg.data.bids import write_recordings
    from edgeemg.data.synth import make_recordings

    recordings = make_recordings(**options)
    total = options["subjects"] * options["sessions"]
    written = write_recordings(_generating(recordings, total), out)
    click.echo(f"{len(written)} recordings of GENERATED EMG written to {out}", err=True)


def _reading(paths: Sequence[Path]) -> Iterator[Path]:
    with click.progressbar(paths, label="reading", file=sys.stderr) as bar:
        yield from bar


def _generating(recordings: "Iterable[Recording]", total: int) -> "Iterator[Recording]":
    with click.progressbar(recordings, total, label="generating", file=sys.stderr) as bar:
        yield from bar


def _tell(imported: "Imported", out: Path) -> None:
    minutes = sum(len(one.samples) / one.samples.sample_rate_hz for one in imported.recordings) / 60
    trials = sum(len(one.events) for one in imported.recordings)
    lines = [
        *imported.notes,
        *_faults("channel left out", imported.dropped_channels),
        *(f"trial skipped: {one.name}: {one.reason}" for one in imported.skipped),
    ]
    for one in imported.recordings:
        for key, what in (
            ("InvalidChannels", "channel marked invalid"),
            ("KeptBadChannels", "bad channel kept"),
        ):
            lines += _faults(f"{what} in {one.name}", one.about.get(key, {}))
    lines.append(
        f"{len(imported.recordings)} recordings, {trials} trials, {minutes:.1f} minutes "
        f"written to {out}; next: edgeemg data info {out}"
    )
    for line in lines:
        click.echo(line, err=True)


def _described(summary: "Summary") -> Iterator[str]:
    heads = ("subject", "session", "task", "runs", "minutes", "Hz", "mains", "channels", "trials")
    yield from _table([heads, *(_cells(group) for group in summary.groups)])
    yield ""
    yield "trials of each class: " + ", ".join(
        f"{label} {number}" for label, number in sorted(summary.trials.items())
    )
    channels = list(dict.fromkeys(name for group in summary.groups for name in group.channels))
    yield f"channels: {', '.join(channels)}"
    yield from _faults("channel left out", summary.dropped_channels)
    yield from _faults("channel marked invalid", summary.invalid_channels)
    yield from _faults("bad channel kept", summary.kept_bad_channels)
    for one in summary.skipped_trials[:_MOST_NAMES]:
        yield f"trial skipped: {one.get('name')}: {one.get('reason')}"
    if len(summary.skipped_trials) > _MOST_NAMES:
        yield f"... {len(summary.skipped_trials)} trials skipped in all; --json lists them"
    yield f"data set: {'; '.join(summary.names) or 'not named'}"
    yield f"licence: {', '.join(summary.licences) or 'not stated'}"
    if summary.sources:
        yield f"source: {', '.join(summary.sources)}"
    if summary.generated:
        yield "GENERATED EMG: no person was recorded for the groups marked *"
    for warning in summary.warnings:
        yield f"warning: {warning}"


def _cells(group: "Group") -> tuple[str, ...]:
    return (
        group.subject + ("*" if group.generated else ""),
        group.session,
        group.task,
        str(group.recordings),
        f"{group.minutes:.1f}",
        "/".join(f"{rate:g}" for rate in group.sample_rate_hz),
        "/".join("?" if hz is None else f"{hz:g}" for hz in group.mains_hz),
        str(len(group.channels)),
        str(sum(group.trials.values())),
    )


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _faults(what: str, faults: dict[str, str]) -> Iterator[str]:
    for name, reason in faults.items():
        yield f"{what}: {name}: {reason}"
