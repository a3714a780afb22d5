"""Tables of one's own: long ones, and folders of one-trial files."""

import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeemg.data import bids
from edgeemg.data.importers import import_recordings
from edgeemg.data.importers.imported import CsvLayout, Imported, ImportSettings
from edgeemg.dsp.samples import Event, Recording
from edgeemg.errors import RecordingError

RATE_HZ = 100


def write_table(
    path: Path,
    labels: list[tuple[str, int]],
    *,
    delimiter: str = ",",
    header: tuple[str, ...] = ("time", "a", "b", "label", "note"),
) -> np.ndarray:
    """Runs of labels with random whole numbers in `a` and `b`, which are returned."""
    rng = np.random.default_rng(len(labels))
    names = [label for label, length in labels for _ in range(length)]
    values = rng.integers(-500, 500, (len(names), 2))
    lines = [delimiter.join(header)]
    for row, (name, (a, b)) in enumerate(zip(names, values, strict=True)):
        lines.append(delimiter.join([f"{row / RATE_HZ}", f"{a}", f"{b}.0", name, "x"]))
    text = "\n".join(lines) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return values


def run_import(
    source: Path, out: Path, *, min_trial_ms: float = 500, keep: bool = False, **layout: object
) -> tuple[Imported, list[Recording]]:
    csv = replace(CsvLayout(rate_hz=RATE_HZ), **layout)
    settings = ImportSettings(keep_bad_channels=keep, min_trial_ms=min_trial_ms, csv=csv)
    imported = import_recordings("csv", source, out, settings=settings)
    return imported, list(bids.read_recordings(out))


def test_runs_of_a_label_are_trials(tmp_path: Path) -> None:
    values = write_table(tmp_path / "t.csv", [("up", 80), ("quiet", 70), ("", 60), ("up", 90)])
    imported, (read,) = run_import(
        tmp_path / "t.csv", tmp_path / "rec", rest_label="quiet", mains_hz=50.0, subject="K"
    )
    assert read.name == "sub-K_ses-1_task-speech"
    assert read.events == (Event(0, 80, "up"), Event(80, 70, "rest"), Event(210, 90, "up"))
    assert read.channels == ("a", "b")
    np.testing.assert_array_equal(read.samples.microvolts, values)
    assert (read.samples.sample_rate_hz, read.mains_hz) == (100, 50)
    assert imported.notes == (
        "channels: a, b",
        "columns not read: time, note (rate taken as 100 Hz)",
    )


@pytest.mark.parametrize(("name", "delimiter"), [("t.tsv.gz", "\t"), ("t.txt", ";")])
def test_delimiters_and_gzip_are_found_out(tmp_path: Path, name: str, delimiter: str) -> None:
    values = write_table(tmp_path / name, [("up", 80), ("down", 80)], delimiter=delimiter)
    _, (read,) = run_import(tmp_path / name, tmp_path / "rec")
    np.testing.assert_array_equal(read.samples.microvolts, values)


@pytest.mark.parametrize(
    ("unit", "scale", "factor"),
    [("mV", None, 1e3), ("uV", None, 1.0), ("counts", 0.25, 0.25), ("mV", 2.0, 2.0)],
)
def test_units_become_microvolts(
    tmp_path: Path, unit: str, scale: float | None, factor: float
) -> None:
    values = write_table(tmp_path / "t.csv", [("up", 80), ("down", 80)])
    _, (read,) = run_import(tmp_path / "t.csv", tmp_path / "rec", unit=unit, scale=scale)
    np.testing.assert_array_equal(read.samples.microvolts, values * factor)
    if unit == "counts":
        assert read.about["MicrovoltsPerCount"] == 0.25


def test_several_long_tables_are_runs(tmp_path: Path) -> None:
    write_table(tmp_path / "set" / "s2.csv", [("up", 80), ("down", 80)])
    write_table(tmp_path / "set" / "s10.csv", [("up", 80), ("down", 80), ("up", 60)])
    _, read = run_import(tmp_path / "set", tmp_path / "rec")
    assert [(one.run, one.about["SourceFile"]) for one in read] == [
        ("1", "s2.csv"),
        ("2", "s10.csv"),
    ]
    assert [len(one.events) for one in read] == [2, 3]


def test_one_trial_files_go_into_one_recording_in_order_of_their_numbers(tmp_path: Path) -> None:
    for name in ("UP_2", "DOWN_10", "UP_1"):
        write_table(tmp_path / "set" / f"{name}.csv", [("ignored", 80)])
    imported, (read,) = run_import(tmp_path / "set", tmp_path / "rec", label_from="name")
    assert [event.label for event in read.events] == ["UP", "UP", "DOWN"]
    assert [event.index for event in read.events] == [0, 180, 360]  # 80 samples and a second
    assert [int(run.index[0]) for run in read.samples.runs()] == [0, 180, 360]
    assert "one second apart" in read.about["TrialOrder"]
    assert not imported.skipped


def test_a_pattern_finds_the_label_in_the_name(tmp_path: Path) -> None:
    for name in ("p1-yes-1", "p1-no-2"):
        write_table(tmp_path / "set" / f"{name}.csv", [("", 80)])
    options = {"label_from": "name", "label_pattern": r"p\d+-(\w+)-"}
    _, (read,) = run_import(tmp_path / "set", tmp_path / "rec", **options)
    assert [event.label for event in read.events] == ["yes", "no"]
    for pattern, message in (("(", "is not one"), ("nothing", "does not match")):
        with pytest.raises(RecordingError, match=message):
            run_import(tmp_path / "set", tmp_path / "x", label_from="name", label_pattern=pattern)


def test_short_trials_are_skipped_by_name(tmp_path: Path) -> None:
    write_table(tmp_path / "long.csv", [("up", 80), ("blip", 3), ("down", 80)])
    imported, (read,) = run_import(tmp_path / "long.csv", tmp_path / "rec")
    assert [(one.name, one.reason) for one in imported.skipped] == [
        ("long.csv, row 81 (blip)", "30 ms is too short")
    ]
    assert [event.label for event in read.events] == ["up", "down"]
    assert len(read.samples) == 163
    for name in ("UP_1", "UP_2"):
        write_table(tmp_path / "set" / f"{name}.csv", [("", 80)])
    write_table(tmp_path / "set" / "UP_3.csv", [("", 10)])
    (tmp_path / "set" / "UP_4.csv").write_text("")
    imported, (read,) = run_import(tmp_path / "set", tmp_path / "more", label_from="name")
    assert [one.name for one in imported.skipped] == ["UP_3.csv (UP)", "UP_4.csv"]
    assert len(read.samples) == 160
    with pytest.raises(RecordingError, match=r"no trial of at least 5000 ms.*3 are shorter"):
        run_import(tmp_path / "long.csv", tmp_path / "x", min_trial_ms=5000)


@pytest.mark.parametrize("empty", ["", "time,a,b,label,note\n", "\ufeff\r\n"])
@pytest.mark.parametrize("place", ["UP_0.csv", "UP_2.csv", "UP_9.csv", "UP_0.csv.gz"])
def test_an_empty_trial_is_skipped_by_name_wherever_it_is(
    tmp_path: Path, empty: str, place: str
) -> None:
    for name in ("UP_1", "UP_3"):
        write_table(tmp_path / "set" / f"{name}.csv", [("up", 80)])
    content = empty.encode()
    (tmp_path / "set" / place).write_bytes(
        gzip.compress(content) if place.endswith(".gz") else content
    )
    imported, (read,) = run_import(tmp_path / "set", tmp_path / "rec")
    assert [(one.name, one.reason) for one in imported.skipped] == [(place, "no samples")]
    assert read.about["SkippedTrials"] == [{"name": place, "reason": "no samples"}]
    assert [event.label for event in read.events] == ["up", "up"]


def test_only_empty_tables_are_one_error(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "UP_1.csv").write_text("")
    (tmp_path / "set" / "UP_2.csv").write_text("a,label\n")
    with pytest.raises(RecordingError, match=r"set: wanted rows below .* none in any of 2 tables"):
        run_import(tmp_path / "set", tmp_path / "rec")
    assert not (tmp_path / "rec").exists()


def test_a_trial_without_a_label_is_skipped_by_name(tmp_path: Path) -> None:
    write_table(tmp_path / "set" / "a1.csv", [("up", 80)])
    write_table(tmp_path / "set" / "a2.csv", [("", 80)])
    write_table(tmp_path / "set" / "a3.csv", [("up", 80)])
    imported, (read,) = run_import(tmp_path / "set", tmp_path / "rec")
    assert [(one.name, one.reason) for one in imported.skipped] == [("a2.csv", "no label")]
    assert len(read.samples) == 160


def test_decimal_commas_are_read_or_named_but_never_dropped(tmp_path: Path) -> None:
    rows = [f"{row % 7};{row * 5 % 13},25;up" for row in range(80)]
    (tmp_path / "t.csv").write_bytes("\ufeffa;b;label\r\n".encode() + "\r\n".join(rows).encode())
    _, (read,) = run_import(tmp_path / "t.csv", tmp_path / "rec", decimal=",")
    assert read.channels == ("a", "b")
    expected = [[row % 7, row * 5 % 13 + 0.25] for row in range(80)]
    np.testing.assert_array_equal(read.samples.microvolts, expected)
    # `a` begins with a whole number, and is read; `b` must not be left out in silence
    with pytest.raises(RecordingError, match=r"b begins with '0,25'.* pass --decimal"):
        run_import(tmp_path / "t.csv", tmp_path / "x")
    with pytest.raises(RecordingError, match=r"line 2: b must be .*--decimal"):
        run_import(tmp_path / "t.csv", tmp_path / "x", channels=("a", "b"))
    (tmp_path / "t.csv").write_text("a,b,label\n1,5,2,up\n")
    with pytest.raises(RecordingError, match="line 2: wanted 3 cells as in line 1, got 4"):
        run_import(tmp_path / "t.csv", tmp_path / "x")
    (tmp_path / "t.csv").write_text('a,label\n"1,5",up\n')
    with pytest.raises(RecordingError, match="a begins with '1,5'"):
        run_import(tmp_path / "t.csv", tmp_path / "x")


def test_a_flat_column_is_named_and_left_out(tmp_path: Path) -> None:
    lines = ["a,b,label", *(f"{row * 7 % 13},1.5,up" for row in range(90))]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    imported, (read,) = run_import(tmp_path / "t.csv", tmp_path / "rec")
    assert imported.dropped_channels == {"b": "flat at 1.50 uV (bad in 1 of 1 recordings)"}
    assert read.channels == ("a",)
    _, (read,) = run_import(tmp_path / "t.csv", tmp_path / "kept", keep=True)
    assert read.channels == ("a", "b")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rate_hz": None}, "pass --rate"),
        ({"unit": "counts"}, "needs --scale"),
        ({"label_column": "nope"}, "line 1: wanted the columns nope"),
        ({"channels": ("a", "nope")}, "line 1: wanted the columns nope"),
        ({"channels": ("note",)}, "line 2: note must be a finite number"),
        ({"subject": "K 1"}, "letters and digits"),
        ({"delimiter": ";"}, "no columns that look like labels"),
    ],
)
def test_a_wrong_option_is_named(tmp_path: Path, options: dict[str, object], message: str) -> None:
    write_table(tmp_path / "t.csv", [("up", 80), ("down", 80)])
    with pytest.raises(RecordingError, match=message):
        run_import(tmp_path / "t.csv", tmp_path / "rec", **options)
    assert not (tmp_path / "rec").exists()


def test_counts_must_be_whole_and_columns_there(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,label\n1,up\n1.5,up\n")
    with pytest.raises(RecordingError, match=r"t\.csv, line 3: counts must be whole"):
        run_import(path, tmp_path / "rec", unit="counts", scale=1.0)
    path.write_text("a,word,label\n1,up,up\n")
    with pytest.raises(RecordingError, match="2 columns that look like labels"):
        run_import(path, tmp_path / "rec")
    path.write_text("note,label\nx,up\n")
    with pytest.raises(RecordingError, match="no column of numbers"):
        run_import(path, tmp_path / "rec")


def test_a_folder_without_tables_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="holds no tables"):
        run_import(tmp_path, tmp_path / "rec")


def test_the_published_trials_can_be_read_as_tables(shared_data: Path, tmp_path: Path) -> None:
    source = tmp_path / "few"
    source.mkdir()
    for path in sorted((shared_data / "somach-semg/covert_sessions/session_B").glob("*_00[1-3]_*")):
        (source / path.name).symlink_to(path)
    options = {"rate_hz": 250.0, "unit": "counts", "scale": 3.3e6 / 4095}
    imported, (read,) = run_import(source, tmp_path / "rec", **options)
    labels = [event.label for event in read.events]
    assert len(labels) == 18
    assert {labels.count(label) for label in labels} == {3}
    assert imported.notes[1].startswith("columns not read: Timestamp, Phase")


@pytest.mark.parametrize("cell", ["nan", "", "NA"])
def test_a_channel_that_begins_with_a_gap_is_an_error_with_its_line(
    tmp_path: Path, cell: str
) -> None:
    rows = [f"{cell},1.0,up", *["2.0,1.0,up"] * 80]
    (tmp_path / "t.csv").write_text("\n".join(["CH1,CH2,label", *rows]))
    with pytest.raises(RecordingError, match=r"t\.csv, line 2: CH1"):
        run_import(tmp_path / "t.csv", tmp_path / "rec")


def test_a_number_beyond_any_voltage_is_an_error_with_its_line(tmp_path: Path) -> None:
    rows = [*["2.0,up"] * 80, "1e300,up"]
    (tmp_path / "t.csv").write_text("\n".join(["CH1,label", *rows]))
    with pytest.raises(RecordingError, match=r"t\.csv, line 82: larger than any voltage"):
        run_import(tmp_path / "t.csv", tmp_path / "rec")
