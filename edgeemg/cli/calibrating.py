"""What `calibrate` was asked for in; what was fitted, judged, written and told, out."""

import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from edgeemg.cli.calibration_recordings import Cut, cut, read, recorded
from edgeemg.cli.outputs import fresh_folder
from edgeemg.cli.picking import pick
from edgeemg.dsp.identical import digest
from edgeemg.dsp.samples import Recording
from edgeemg.errors import EngineError, GateError
from edgeemg.manifest import Calibration
from edgeemg.profiler.boards import this_board
from edgeemg.runtime.bundle import Bundle, open_bundle
from edgeemg.runtime.calibrated_bundle import source_sha256, write_calibrated
from edgeemg.runtime.calibration import Fitted, calibrate, check_repetitions
from edgeemg.runtime.engines import FileEngine, open_engine

_PERHAPS_LUCK = 0.05
_CALIBRATED = "-calibrated-"


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A bundle, a port or recordings, and the other options by name."""

    bundle: Path
    port: str | None
    source: Path | None
    options: dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """What was fitted on what; `written` is the new bundle, None where there is none."""

    asked: Asked
    fitted: Fitted
    calibration: Calibration
    labels: tuple[str, ...]
    written: Path | None = None
    notes: tuple[str, ...] = field(default=())

    def plain(self) -> dict[str, Any]:
        """For `--json`; accuracies are balanced, fractions from 0 to 1."""
        one = self.calibration
        return {
            "bundle": str(self.asked.bundle),
            "written": str(self.written) if self.written else None,
            "data": one.data,
            "trials": one.trials,
            "head": one.head,
            "scale_fitted": one.scale_fitted,
            "protocol": one.protocol,
            "before": one.before,
            "after": one.after,
            "gained": self.fitted.gained,
            "lost": self.fitted.lost,
            "chance": self.fitted.chance,
            "better": self.fitted.is_better,
            "warnings": list(self.notes),
        }


def calibrate_with_progress(asked: Asked) -> Report:
    """Record or read, fit, judge, tell, and write where it is better or --force is given."""
    options = asked.options
    bundle = open_bundle(asked.bundle)
    engine = _engine(bundle, options)
    target = options["out"] or _free_target(asked.bundle)
    with fresh_folder(target, force=False, inputs=[asked.bundle]):
        pass  # refused before the person speaks
    _remove_empty(target)
    recordings, data = _recordings(asked, bundle)
    first = None if asked.source is None else options["repetitions"]
    material = cut(recordings, bundle.manifest, repetitions=first)
    check_repetitions(material.material.classes, bundle.manifest.labels)
    fitted = _fitted(bundle, engine, material)
    calibration = _provenance(bundle, fitted, material, recordings, data)
    notes = (*material.notes, *_warnings(bundle, recordings, fitted))
    report = Report(asked, fitted, calibration, bundle.manifest.labels, notes=notes)
    _tell(report)
    if not (fitted.is_better or options["force"]):
        return report
    with fresh_folder(target, force=False, inputs=[asked.bundle]) as folder:
        write_calibrated(bundle, folder, fitted.head, fitted.scale, calibration)
    return Report(asked, fitted, calibration, bundle.manifest.labels, target, notes)


def outcome(report: Report) -> None:
    """Say what came of it; GateError where nothing was written."""
    if report.written is None:
        raise GateError(
            f"not better than {report.asked.bundle} on held-out repetitions, nothing is written: "
            "record more repetitions, look at the electrodes, or write it knowingly with --force"
        )
    click.echo(f"calibrated bundle written to {report.written}", err=True)


def _engine(bundle: Bundle, options: dict[str, Any]) -> FileEngine:
    asked = {"engine": options["engine"], "precision": options["precision"]}
    picked = pick(bundle.manifest, **asked, board=this_board())
    engine = open_engine(bundle, picked.engine, picked.precision)
    if not engine.embedding_size:
        raise EngineError(
            f"{bundle.folder} was exported by an earlier edgeemg: its models give no embedding to "
            "fit a last layer on; export it again"
        )
    click.echo(f"{engine.name} {engine.precision}, {picked.why}", err=True)
    return engine


def _free_target(bundle: Path) -> Path:
    """BUNDLE-calibrated-1 beside the bundle, or the first number that is free."""
    place = bundle.resolve()
    stem, mark, number = place.name.rpartition(_CALIBRATED)
    base = stem if mark and number.isdigit() else place.name
    numbers = range(1, sys.maxsize)
    names = (place.with_name(f"{base}{_CALIBRATED}{one}") for one in numbers)
    return next(one for one in names if not one.exists())


def _remove_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _recordings(asked: Asked, bundle: Bundle) -> tuple[list[Recording], str]:
    if asked.source is not None:
        return read(asked.source, asked.options)
    assert asked.port is not None, "one of the two was given"
    return recorded(bundle.manifest, asked.bundle, asked.port, asked.options)


def _fitted(bundle: Bundle, engine: FileEngine, material: Cut) -> Fitted:
    length = 2 * len(material.material.windows)
    with click.progressbar(length=length, label="fitting", file=sys.stderr) as bar:
        return calibrate(
            material.material, engine, bundle.manifest, bundle.layer(), on_window=bar.update
        )


def _provenance(
    bundle: Bundle, fitted: Fitted, material: Cut, recordings: list[Recording], data: str
) -> Calibration:
    return Calibration(
        source=bundle.folder.resolve().name,
        source_sha256=source_sha256(bundle),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        data=data,
        digests=tuple(sorted({digest(one) for one in recordings})),
        trials=material.trials,
        head=fitted.way,
        scale_fitted=fitted.scale_fitted,
        protocol=f"{fitted.folds} folds: each label's trials in stretches of time, each held out "
        "once; the scale is of all",
        before=fitted.before.balanced_accuracy,
        after=fitted.after.balanced_accuracy,
    )


def _warnings(bundle: Bundle, recordings: list[Recording], fitted: Fitted) -> list[str]:
    warnings = list(dict.fromkeys(text for one in recordings for text in one.warnings))
    if any(digest(one) in bundle.manifest.training.digests for one in recordings):
        warnings.append("the network was trained on this: take a recording that it never saw")
    if fitted.is_better and fitted.chance > _PERHAPS_LUCK:
        warnings.append(
            f"so small a gain comes by luck in {fitted.chance:.0%} of cases where there is none: "
            "more repetitions tell more"
        )
    if bundle.manifest.decision.origin:
        warnings.append(
            "the decision settings were tuned for the bundle before: tune them again "
            "(edgeemg tune) when there is a recording to do it on"
        )
    return warnings


def _tell(report: Report) -> None:
    fitted = report.fitted
    width = max(len("all, balanced"), *map(len, report.labels))
    rows = [f"{'':{width}}  trials  before  after"]
    for n, label in enumerate(report.labels):
        own = fitted.after.classes == n
        before, after = fitted.before.right[own].mean(), fitted.after.right[own].mean()
        rows.append(f"{label:{width}}  {own.sum():6}  {before:6.0%}  {after:5.0%}")
    before, after = fitted.before.balanced_accuracy, fitted.after.balanced_accuracy
    total = len(fitted.after.classes)
    rows.append(f"{'all, balanced':{width}}  {total:6}  {before:6.0%}  {after:5.0%}")
    scale = "scale of today" if fitted.scale_fitted else "scale as it was"
    rows.append(
        f"{fitted.gained} trials gained, {fitted.lost} lost, each held out once; "
        f"last layer {fitted.way}, {scale}"
    )
    rows += [f"warning: {one}" for one in report.notes]
    for row in rows:
        click.echo(row, err=True)
