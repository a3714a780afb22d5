"""A bundle, recordings and a target in; what `edgeemg tune` tells, writes and prints out."""

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import click

from edgeemg.cli.event_evaluation import about, protocol, runs, tell_remarks
from edgeemg.cli.event_tables import (
    counts_table,
    plain_counts,
    seldom_hit,
    settings_line,
    words_line,
)
from edgeemg.cli.hearing import Heard, hear_recordings
from edgeemg.errors import GateError, RecordingError
from edgeemg.manifest import DecisionSettings, Manifest
from edgeemg.runtime.bundle import Bundle, open_bundle
from edgeemg.runtime.event_metrics import EventCounts
from edgeemg.runtime.resealing import replace_settings
from edgeemg.runtime.stretches import Stretch, total
from edgeemg.runtime.tuning import Judgement, Tuned, judge, structures, tune


@dataclass(frozen=True, slots=True, eq=False)
class TuningReport:
    """Everything that came of tuning.

    `before` and `after` hold the parts "tuning" and "held out"; `after` and `judgement` are None
    where no settings keep the target.
    """

    bundle: Bundle
    heard: Heard
    false_per_hour: float
    max_delay_ms: float | None
    held_out: float
    tuned: Tuned
    before: dict[str, EventCounts]
    after: dict[str, EventCounts] | None
    judgement: Judgement | None

    @property
    def minutes_needed(self) -> float | None:
        """Minutes of such recordings of which the held-out part would be enough to judge."""
        if self.judgement is None:
            return None
        signal = sum(one.signal_hours for one in self.before.values()) * 60
        rest_hours = self.before["held out"].rest_hours
        return self.judgement.rest_hours / rest_hours * signal if rest_hours else None

    def plain(self, kept: Path | None) -> dict[str, Any]:
        """As `--json` prints it; `kept` is where the manifest before is, if one was written."""
        least = self.tuned.least_per_hour
        settings = self.tuned.settings
        return {
            **about(self.bundle, self.heard),
            "target": {
                "false_per_hour": self.false_per_hour,
                "max_delay_ms": self.max_delay_ms,
                "held_out": self.held_out,
            },
            "settings": {
                "before": asdict(self.bundle.manifest.decision),
                "after": asdict(settings) if settings else None,
            },
            "parts": {
                name.replace(" ", "_"): {
                    "before": plain_counts(self.before[name]),
                    "after": plain_counts(self.after[name]) if self.after else None,
                }
                for name in self.before
            },
            "judgement": self.judgement
            and {**asdict(self.judgement), "minutes_needed": self.minutes_needed},
            "least_per_hour": least if math.isfinite(least) else None,
            "written": kept is not None,
            "manifest_before": str(kept) if kept else None,
        }


def tune_with_progress(
    bundle_folder: Path, folder: Path, options: Mapping[str, Any]
) -> TuningReport:
    """Hear the recordings, choose settings on their first part, judge them on the rest."""
    bundle = open_bundle(bundle_folder)
    heard = hear_recordings(
        bundle,
        folder,
        engine=options["engine"],
        precision=options["precision"],
        which=options,
        grace_ms=options["grace_ms"],
        unseen=options["unseen"],
    )
    split = [one.split(options["held_out"]) for one in heard.stretches]
    parts = {"tuning": [one for one, _ in split], "held out": [one for _, one in split]}
    before = _counts(parts, bundle.manifest.decision)
    _check_words(before["tuning"], bundle.manifest, folder)
    target = options["false_per_hour"]
    tuned = _tuned(parts["tuning"], bundle.manifest, target, options["max_delay_ms"])
    after = _counts(parts, tuned.settings) if tuned.settings else None
    return TuningReport(
        bundle=bundle,
        heard=heard,
        false_per_hour=target,
        max_delay_ms=options["max_delay_ms"],
        held_out=options["held_out"],
        tuned=tuned,
        before=before,
        after=after,
        judgement=judge(after["held out"], target) if after else None,
    )


def tell(report: TuningReport) -> None:
    """Before and after on both parts, the settings, and whether the target was held."""
    heard = report.heard
    click.echo(f"{report.bundle.manifest.name}; {runs(heard)}; {protocol(heard)}", err=True)
    columns = {
        f"{part}: {when}": counts[part]
        for part in report.before
        for when, counts in (("before", report.before), ("after", report.after))
        if counts is not None
    }
    before = f"before: {settings_line(report.bundle.manifest.decision)}"
    for line in ("", *counts_table(columns), "", before, *_after(report)):
        click.echo(line, err=True)
    tell_remarks(report.heard)


def _after(report: TuningReport) -> Iterator[str]:
    if report.after is None or report.tuned.settings is None:
        return
    yield f"after:  {settings_line(report.tuned.settings)}"
    both = sum(report.after.values(), EventCounts())
    yield words_line(both)
    if seldom := seldom_hit(both):
        yield (
            f"warning: hardly ever decided now: {', '.join(seldom)}; the model takes rest for "
            "them too often for this target: train on more rest, or allow more"
        )
    yield f"target of {report.false_per_hour:g} an hour: {_judged(report)}"


def write(report: TuningReport) -> Path:
    """The settings into the bundle; returns where the manifest before is kept."""
    settings = report.tuned.settings
    assert settings is not None, "there is something to write"
    assert report.after is not None, "so there are counts"
    heard = report.heard
    origin = (
        f"tuned for {report.false_per_hour:g} false activations an hour of rest on {heard.data}"
        f"{' (GENERATED EMG)' if heard.generated else ''} with {heard.engine}; {_judged(report)}"
    )
    return replace_settings(report.bundle, replace(settings, origin=origin))


def outcome(report: TuningReport, kept: Path | None) -> None:
    """The last word: what was written, or GateError with the reason why nothing was."""
    bundle = report.bundle.folder
    if report.judgement is None:
        raise GateError(f"{bundle} left as it was: {_no_settings(report)}")
    if report.judgement.verdict == "exceeded" and kept is None:
        raise GateError(
            f"{bundle} left as it was: on the held-out part the settings do not keep the target; "
            "tune on more minutes, for a lower target, or add --write-anyway"
        )
    if kept is None:
        click.echo("dry run: nothing written", err=True)
        return
    click.echo(
        f"written to {bundle}, for every file in it; the manifest before is {kept.name}", err=True
    )


def _check_words(counts: EventCounts, manifest: Manifest, folder: Path) -> None:
    if counts.words:
        return
    words = ", ".join(one for one in manifest.labels if one != manifest.rest_label)
    raise RecordingError(
        f"{folder}: no word of the model ({words}) lies in the first part of these recordings: "
        "record some, or settings that never decide would be the best"
    )


def _tuned(
    stretches: Sequence[Stretch],
    manifest: Manifest,
    false_per_hour: float,
    max_delay_ms: float | None,
) -> Tuned:
    steps = len(structures(manifest))
    with click.progressbar(length=steps, label="tuning", file=sys.stderr) as bar:
        return tune(
            stretches,
            manifest,
            false_per_hour=false_per_hour,
            max_delay_ms=max_delay_ms,
            on_step=lambda: bar.update(1),
        )


def _counts(
    parts: Mapping[str, Sequence[Stretch]], settings: DecisionSettings
) -> dict[str, EventCounts]:
    return {name: total(part, settings) for name, part in parts.items()}


def _judged(report: TuningReport) -> str:
    assert report.after is not None, "there are settings to judge"
    assert report.judgement is not None, "and they were judged"
    counts, judgement = report.after["held out"], report.judgement
    rate = counts.false_per_hour()
    rest_minutes = counts.rest_hours * 60
    came = (
        f"{counts.false_activations} in {rest_minutes:.1f} held-out minutes of rest, where it "
        f"allows {judgement.expected:.1f}"
    )
    if judgement.verdict == "cannot be judged":
        minutes = report.minutes_needed
        enough = (
            "" if minutes is None else f"; about {minutes:.0f} minutes of such recordings would do"
        )
        return (
            f"CANNOT BE JUDGED from so few minutes: {came}; at least 3 have to be allowed, "
            f"which is {judgement.rest_hours * 60:.3g} minutes of held-out rest{enough}"
        )
    assert rate.value is not None, "what was judged has hours"
    verb = "held within a factor of two" if judgement.verdict == "held" else "NOT HELD"
    return f"{verb}: {came}; {rate.value:.2g} ({rate.low:.2g}-{rate.high:.2g}) an hour"


def _no_settings(report: TuningReport) -> str:
    rest_minutes = report.before["tuning"].rest_hours * 60
    least = report.tuned.least_per_hour
    delay = "" if report.max_delay_ms is None else f" within {report.max_delay_ms:g} ms"
    text = (
        f"no settings that still decide a word{delay} can be expected to keep "
        f"{report.false_per_hour:g} false activations an hour, from {rest_minutes:.1f} minutes of "
        "rest in the tuning part"
    )
    if not math.isfinite(least) or least <= report.false_per_hour:
        return f"{text}: train on more rest, or allow more false activations or delay"
    return (
        f"{text}; about {least:.2g} an hour is the least that these bear: record more rest, train "
        "on more, or allow more"
    )
