"""Tables of one's own in, recordings out.

Two layouts, told apart by what is found:

    long tables         one file or several, a label a row: runs of the same label are trials.
                        Each file is a recording of its own; several are numbered as runs.
    one-trial files     every file holds one trial, its label in a column or in the file's name.
                        All go into one recording with a break in time (one second) between them,
                        in the order of the numbers in their names: UP_2 before DOWN_10.

A table without rows is skipped by name. The rate is never guessed: a column of times or indices is
not read, and the user is told so.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeemg.data.bdf import LARGEST_COUNT, to_microvolts
from edgeemg.data.channel_faults import without_bad_channels
from edgeemg.data.event_rows import REST
from edgeemg.data.importers.csv_plan import Plan, make_plan
from edgeemg.data.importers.imported import (
    CsvLayout,
    Imported,
    ImportSettings,
    Progress,
    Skipped,
    files_below,
)
from edgeemg.data.tables import SUFFIXES, Table, has_rows, read_table
from edgeemg.dsp.samples import Event, Recording, Samples, join
from edgeemg.errors import RecordingError


@dataclass(frozen=True, slots=True, eq=False)
class _Stretch:
    """One file: (time, channel) microvolts, and its trials by row."""

    path: Path
    microvolts: NDArray[np.float32]
    trials: tuple[Event, ...]


def read_csv_tables(source: Path, settings: ImportSettings, progress: Progress) -> Imported:
    """One file, or every table below a folder -> recordings; RecordingError names file and line."""
    layout = settings.csv
    paths = sorted(files_below(source, SUFFIXES, "tables (.csv, .tsv, .txt, or .gz)"), key=_order)
    plan = make_plan(paths, source, layout)
    stretches = [_read(path, plan, layout) for path in progress(paths)]
    joined = len(stretches) > 1 and all(len(one.trials) <= 1 for one in stretches)
    shortest = settings.min_trial_ms / 1000 * plan.rate_hz
    sifted = [_sift(one, shortest, plan.rate_hz, whole_files=joined) for one in stretches]
    kept = [one for one, _ in sifted if one]
    skipped = [left_out for _, of_one in sifted for left_out in of_one]
    if not any(one.trials for one in kept):
        raise RecordingError(
            f"{source}: no trial of at least {settings.min_trial_ms:g} ms was found "
            f"({len(skipped)} are shorter or empty); --min-trial-ms sets the limit"
        )
    about = _about(layout, plan, skipped)
    if joined:
        recordings = [_join(kept, plan, layout, about)]
    else:
        runs = [str(run) for run in range(1, len(kept) + 1)] if len(kept) > 1 else [""]
        recordings = [
            _recording([one], plan, layout, {**about, "SourceFile": one.path.name}, run)
            for one, run in zip(kept, runs, strict=True)
        ]
    cleaned, dropped = without_bad_channels(recordings, keep=settings.keep_bad_channels)
    return Imported(tuple(cleaned), tuple(skipped), dropped, tuple(_notes(plan)))


def _read(path: Path, plan: Plan, layout: CsvLayout) -> _Stretch:
    if not has_rows(path):
        return _Stretch(path, np.zeros((0, len(plan.channels)), dtype=np.float32), ())
    texts = [plan.label_column] if plan.label_column else []
    table = read_table(
        path,
        numbers=plan.channels,
        texts=texts,
        delimiter=plan.delimiter,
        decimal=layout.decimal,
    )
    if plan.label_column:
        labels: Sequence[str] = [label.strip() for label in table.texts[plan.label_column]]
    else:
        labels = [_label_in_name(path, layout.label_pattern)] * len(table)
    return _Stretch(path, _microvolts(table, plan, layout), tuple(_trials(labels, layout)))


def _microvolts(table: Table, plan: Plan, layout: CsvLayout) -> NDArray[np.float32]:
    if layout.unit != "counts":
        microvolts = table.numbers * plan.microvolts_a_unit
        beyond = (np.abs(microvolts) > np.finfo(np.float32).max).any(axis=1)
        if beyond.any():
            raise RecordingError(
                f"{table.path}, line {table.lines[np.argmax(beyond)]}: larger than any voltage: "
                "is it the right column, and the right --unit?"
            )
        return microvolts.astype(np.float32)
    counts = np.rint(table.numbers)
    fault = ((counts != table.numbers) | (np.abs(counts) > LARGEST_COUNT)).any(axis=1)
    if fault.any():
        raise RecordingError(
            f"{table.path}, line {table.lines[np.argmax(fault)]}: counts must be whole numbers "
            "of at most 24 bits; --unit says what else they are"
        )
    return to_microvolts(counts.astype(np.int32), plan.microvolts_a_unit)


def _trials(labels: Sequence[str], layout: CsvLayout) -> list[Event]:
    """Runs of the same label, by row; rows without a label belong to no trial."""
    trials, start = [], 0
    for label, run in groupby(labels):
        length = sum(1 for _ in run)
        if label:
            trials.append(Event(start, length, REST if label == layout.rest_label else label))
        start += length
    return trials


def _label_in_name(path: Path, pattern: str) -> str:
    if not pattern:
        return path.name.split(".")[0].split("_")[0]
    try:
        found = re.search(pattern, path.name)
    except re.error as error:
        raise RecordingError(f"--label-pattern {pattern!r} is not one ({error})") from error
    if not found:
        raise RecordingError(f"{path}: --label-pattern {pattern!r} does not match its name")
    label: str = found[1] if found.re.groups else found[0]
    return label


def _sift(
    one: _Stretch, shortest: float, rate_hz: float, *, whole_files: bool
) -> tuple[_Stretch | None, list[Skipped]]:
    """A file without its short trials; with `whole_files`, their samples go with them."""
    if not len(one.microvolts):
        return None, [Skipped(one.path.name, "no samples")]
    if whole_files and not one.trials:
        return None, [Skipped(one.path.name, "no label")]
    skipped = []
    for trial in one.trials:
        if trial.length < shortest:
            where = "" if whole_files else f", row {trial.index + 1}"
            reason = f"{trial.length / rate_hz * 1000:.0f} ms is too short"
            skipped.append(Skipped(f"{one.path.name}{where} ({trial.label})", reason))
    trials = tuple(trial for trial in one.trials if trial.length >= shortest)
    if whole_files and not trials:
        return None, skipped
    return replace(one, trials=trials), skipped


def _recording(
    stretches: Sequence[_Stretch], plan: Plan, layout: CsvLayout, about: dict[str, Any], run: str
) -> Recording:
    """One recording of all `stretches`, one second apart on the sample index."""
    pieces, events, start = [], [], 0
    for one in stretches:
        pieces.append(Samples.contiguous(one.microvolts, plan.rate_hz, first_index=start))
        events += [Event(start + t.index, t.length, t.label) for t in one.trials]
        start += len(one.microvolts) + max(1, round(plan.rate_hz))
    return Recording(
        samples=join(pieces),
        events=tuple(events),
        channels=plan.channels,
        subject=layout.subject,
        session=layout.session,
        task=layout.task,
        run=run,
        mains_hz=layout.mains_hz,
        generated=False,
        about=about,
    )


def _join(
    stretches: Sequence[_Stretch], plan: Plan, layout: CsvLayout, about: dict[str, Any]
) -> Recording:
    order = "One-trial files in the order of the numbers in their names, taken as one second apart."
    return _recording(stretches, plan, layout, {**about, "TrialOrder": order}, "")


def _about(layout: CsvLayout, plan: Plan, skipped: Sequence[Skipped]) -> dict[str, Any]:
    about: dict[str, Any] = {"DatasetName": layout.name}
    if layout.licence:
        about["License"] = layout.licence
    if layout.unit == "counts":
        about["MicrovoltsPerCount"] = plan.microvolts_a_unit
    if skipped:
        about["SkippedTrials"] = [{"name": one.name, "reason": one.reason} for one in skipped]
    return about


def _notes(plan: Plan) -> list[str]:
    notes = [f"channels: {', '.join(plan.channels)}"]
    if plan.ignored:
        notes.append(
            f"columns not read: {', '.join(plan.ignored)} (rate taken as {plan.rate_hz:g} Hz)"
        )
    return notes


def _order(path: Path) -> tuple[str, list[int], str]:
    numbers = [int(number) for number in re.findall(r"\d+", path.name)]
    return path.parent.as_posix(), numbers, path.name
