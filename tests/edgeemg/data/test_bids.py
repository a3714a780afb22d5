"""A recording is written, read, and is the same."""

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edgeemg.data import bids
from edgeemg.data.bdf import read_bdf
from edgeemg.data.sidecars import GENERATED_WARNING
from edgeemg.dsp.samples import Event, Recording, Samples
from edgeemg.errors import OutputExistsError, RecordingError

Build = Callable[..., Recording]
CYTON_COUNT = 4.5 / 24 / (2**23 - 1) * 1e6
ADC_COUNT = 3.3e6 / 4095


def assert_same(read: Recording, written: Recording) -> None:
    """Equal in every bit that a recording has; `about` may have gained keys."""
    for name in ("events", "channels", "name", "mains_hz", "generated"):
        assert getattr(read, name) == getattr(written, name)
    assert read.about.items() >= written.about.items()
    one, other = read.samples, written.samples
    assert one.sample_rate_hz == other.sample_rate_hz
    np.testing.assert_array_equal(one.index, other.index)
    np.testing.assert_array_equal(one.valid, other.valid & np.isfinite(other.microvolts))
    np.testing.assert_array_equal(one.microvolts.view(np.uint32), other.microvolts.view(np.uint32))


@st.composite
def recordings(draw: st.DrawFn) -> Recording:
    """Any length, rate, breaks, channels, bad samples and NaN; whole counts of a real sensor."""
    rows = draw(st.integers(1, 700))
    columns = draw(st.integers(1, 5))
    count, most = draw(st.sampled_from([(CYTON_COUNT, 2**23 - 1), (ADC_COUNT, 4095)]))
    counts = draw(arrays(np.int64, (rows, columns), elements=st.integers(-most - 1, most)))
    microvolts = (counts * count).astype(np.float32)
    steps = draw(arrays(np.int64, rows, elements=st.integers(1, 500), fill=st.just(1)))
    bad = draw(arrays(np.bool_, (rows, columns), elements=st.booleans(), fill=st.just(False)))
    missing = draw(arrays(np.bool_, (rows, columns), elements=st.booleans(), fill=st.just(False)))
    index = np.cumsum(steps)
    spans = st.tuples(st.integers(0, int(index[-1]) + 50), st.integers(0, 300))
    labels = st.sampled_from(["rest", "não", "DOWN", "yes please"])
    events = [Event(*span, draw(labels)) for span in sorted(draw(st.lists(spans, max_size=9)))]
    return Recording(
        samples=Samples(
            np.where(missing, np.float32(np.nan), microvolts),
            draw(st.sampled_from([250.0, 1000.0, 244.14, 1 / 3, 97.0, 2000.0, 512.5])),
            index,
            ~(bad | missing),
        ),
        events=tuple(sorted(events, key=lambda event: event.index)),
        channels=tuple(f"Kanal {number} µ" for number in range(columns)),
        subject="7",
        session="x",
        task="t",
        run=draw(st.sampled_from(["", "1", "12"])),
        mains_hz=draw(st.sampled_from([None, 50.0, 60.0])),
        generated=draw(st.booleans()),
        about={"MicrovoltsPerCount": count},
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(recordings())
def test_what_is_written_is_read_bit_for_bit(recording: Recording) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = bids.write_recording(recording, Path(folder))
        assert_same(bids.read_recording(path), recording)


@settings(max_examples=40, deadline=None)
@given(
    arrays(
        np.float32,
        st.tuples(st.integers(1, 60), st.integers(1, 3)),
        elements=st.floats(-(2.0**20), 2.0**20, width=32),
    )
)
def test_without_a_known_count_values_are_off_by_half_a_count_and_then_stay(
    microvolts: np.ndarray,
) -> None:
    samples = Samples.contiguous(microvolts, 250)
    names = tuple(map(str, range(samples.n_channels)))
    recording = Recording(samples, (), names, "1", "1", "t", "", None, False, {})
    with tempfile.TemporaryDirectory() as folder:
        once = bids.read_recording(bids.write_recording(recording, Path(folder) / "once"))
        twice = bids.read_recording(bids.write_recording(once, Path(folder) / "twice"))
    count = once.about["MicrovoltsPerCount"]
    assert np.abs(once.samples.microvolts - microvolts).max() <= count / 2
    assert count <= max(np.abs(microvolts).max() / 2**22, 2.0**-22)
    assert_same(twice, once)


def test_the_lowest_cyton_value_is_exact_too(cyton_recording: Build, tmp_path: Path) -> None:
    microvolts = np.full((500, 2), -(2**23) * CYTON_COUNT, dtype=np.float32)
    microvolts[:, 1] = (np.arange(500) * CYTON_COUNT).astype(np.float32)
    recording = cyton_recording(samples=Samples.contiguous(microvolts, 250.0), events=())
    assert_same(bids.read_recording(bids.write_recording(recording, tmp_path)), recording)


def test_the_sidecar_says_what_bids_demands(cyton_recording: Build, tmp_path: Path) -> None:
    recording = cyton_recording(mains_hz=None, generated=True)
    path = bids.write_recording(recording, tmp_path)
    sidecar = json.loads(path.with_suffix(".json").read_text())
    assert path == tmp_path / "sub-01/ses-A/emg/sub-01_ses-A_task-silent_emg.bdf"
    demanded = {"EMGPlacementScheme", "EMGReference", "SoftwareFilters", "TaskName"}
    assert demanded < sidecar.keys()
    assert sidecar["SamplingFrequency"] == 250
    assert sidecar["PowerLineFrequency"] == "n/a"
    assert sidecar["RecordingType"] == "discontinuous"
    assert sidecar["RecordingDuration"] == 611 / 250
    assert sidecar["Generated"] is True
    description = json.loads((tmp_path / "dataset_description.json").read_text())
    assert description["BIDSVersion"] == "1.11.0"
    assert "GENERATED" in description["Name"]
    assert "GENERATED" in (tmp_path / "README").read_text()
    assert (tmp_path / "participants.tsv").read_text() == "participant_id\nsub-01\n"


def test_generated_emg_always_carries_its_warning(cyton_recording: Build, tmp_path: Path) -> None:
    for session, about in (("A", {}), ("B", {"Warnings": ["also"]}), ("C", {})):
        recording = cyton_recording(session=session, generated=True, about=about)
        path = bids.write_recording(recording, tmp_path)
    read = [one.warnings for one in bids.read_recordings(tmp_path)]
    assert read == [(GENERATED_WARNING,), (GENERATED_WARNING, "also"), (GENERATED_WARNING,)]
    assert GENERATED_WARNING in (tmp_path / "README").read_text()
    sidecar = json.loads(path.with_suffix(".json").read_text())
    assert sidecar.pop("Warnings") == [GENERATED_WARNING]
    path.with_suffix(".json").write_text(json.dumps(sidecar))
    again = bids.read_recording(path)
    assert again.warnings == (GENERATED_WARNING,)
    bids.write_recording(again, tmp_path / "copy")
    assert next(bids.read_recordings(tmp_path / "copy")).warnings == (GENERATED_WARNING,)


def test_mne_reads_the_same_values_and_annotations(cyton_recording: Build, tmp_path: Path) -> None:
    mne = pytest.importorskip("mne")
    recording = cyton_recording()
    raw = mne.io.read_raw_bdf(bids.write_recording(recording, tmp_path), verbose="error")
    volts = recording.samples.microvolts.T * 1e-6
    read = raw.get_data()
    np.testing.assert_allclose(read[:, : len(recording.samples)], volts, rtol=1e-6, atol=1e-12)
    padding = read[:, len(recording.samples) :]
    assert padding.shape[1] == 750 - 611
    np.testing.assert_array_equal(padding, np.repeat(padding[:, :1], 139, axis=1))
    assert raw.ch_names == ["chin", "throat"]
    assert raw.info["sfreq"] == 250
    read_annotations = [
        (round(one["onset"], 6), round(one["duration"], 6), str(one["description"]))
        for one in raw.annotations
    ]
    # the second event begins at row 210 and covers 90 rows before the break and 83 behind it
    assert read_annotations == [
        (0.0, 0.8, "não"),
        (210 / 250, 173 / 250, "rest"),
        (300 / 250, 0.0, "boundary"),
    ]


def test_a_recording_is_not_overwritten(cyton_recording: Build, tmp_path: Path) -> None:
    path = bids.write_recording(cyton_recording(), tmp_path)
    before = {one: one.read_bytes() for one in tmp_path.rglob("*") if one.is_file()}
    with pytest.raises(OutputExistsError, match=path.name):
        bids.write_recording(cyton_recording(events=()), tmp_path)
    assert {one: one.read_bytes() for one in tmp_path.rglob("*") if one.is_file()} == before


def test_other_people_and_sessions_are_added(cyton_recording: Build, tmp_path: Path) -> None:
    for subject, session in (("02", "A"), ("01", "B"), ("01", "A")):
        bids.write_recording(cyton_recording(subject=subject, session=session), tmp_path)
    names = [one.name for one in bids.read_recordings(tmp_path)]
    assert names == [
        "sub-01_ses-A_task-silent",
        "sub-01_ses-B_task-silent",
        "sub-02_ses-A_task-silent",
    ]
    participants = (tmp_path / "participants.tsv").read_text().split()
    assert participants == ["participant_id", "sub-02", "sub-01"]


def test_another_data_set_needs_another_folder(cyton_recording: Build, tmp_path: Path) -> None:
    bids.write_recording(cyton_recording(), tmp_path)
    with pytest.raises(OutputExistsError, match="GENERATED"):
        bids.write_recording(cyton_recording(subject="02", generated=True), tmp_path)
    assert len(bids.find_recordings(tmp_path)) == 1
    assert not list(tmp_path.rglob(".unfinished*"))


def test_a_failure_leaves_none_of_several_recordings(
    cyton_recording: Build, tmp_path: Path
) -> None:
    good, broken = cyton_recording(), cyton_recording(subject="02", channels=("chin", "chin"))
    with pytest.raises(RecordingError, match="once"):
        bids.write_recordings([good, broken], tmp_path / "fresh")
    assert not (tmp_path / "fresh").exists()
    bids.write_recording(cyton_recording(subject="09"), tmp_path / "old")
    with pytest.raises(RecordingError, match="once"):
        bids.write_recordings([good, broken], tmp_path / "old")
    assert [path.name[:6] for path in bids.find_recordings(tmp_path / "old")] == ["sub-09"]
    assert not (tmp_path / "old" / "sub-01").exists()


def contents(root: Path) -> dict[Path, bytes | None]:
    return {path: path.read_bytes() if path.is_file() else None for path in root.rglob("*")}


@pytest.mark.parametrize(
    "change",
    [
        {"channels": ("chin", "chin")},  # refused before anything is written
        {"events": (Event(40, 3, "a\nb"),)},  # refused among the files of the recording
        {"about": {"MicrovoltsPerCount": 1.0}},
        {"about": {"DatasetName": "another"}},  # refused at the root
    ],
)
def test_a_failure_leaves_the_data_set_as_it_was(
    cyton_recording: Build, tmp_path: Path, change: dict[str, object]
) -> None:
    bids.write_recording(cyton_recording(subject="09"), tmp_path)
    (tmp_path / "README").unlink()  # a file at the root that the next write brings back
    before = contents(tmp_path)
    good, broken = cyton_recording(subject="01"), cyton_recording(subject="02", **change)
    with pytest.raises((RecordingError, OutputExistsError)):
        bids.write_recordings([good, broken], tmp_path)
    assert contents(tmp_path) == before
    with pytest.raises((RecordingError, OutputExistsError)):
        bids.write_recording(broken, tmp_path)
    assert contents(tmp_path) == before


def test_a_failure_while_files_are_put_in_place_leaves_none_of_them(
    cyton_recording: Build, tmp_path: Path
) -> None:
    bids.write_recording(cyton_recording(subject="09"), tmp_path)
    in_the_way = tmp_path / "sub-01/ses-A/emg/sub-01_ses-A_task-silent_events.tsv"
    in_the_way.mkdir(parents=True)
    (in_the_way / "x").touch()
    before = contents(tmp_path / "sub-09") | contents(in_the_way)
    people = (tmp_path / "participants.tsv").read_text()
    with pytest.raises(OSError, match="events"):
        bids.write_recordings([cyton_recording(subject="01")], tmp_path)
    assert (tmp_path / "participants.tsv").read_text() == people
    assert contents(tmp_path / "sub-09") | contents(in_the_way) == before
    assert len(bids.find_recordings(tmp_path)) == 1


def test_a_full_disk_leaves_no_half_recording(tmp_path: Path) -> None:
    program = (
        "import sys, numpy as np; from pathlib import Path; from edgeemg.data import bids;"
        "from edgeemg.dsp.samples import Recording, Samples;"
        "s = Samples.contiguous(np.zeros((99999, 2)), 250);"
        "r = Recording(s, (), ('a', 'b'), '1', '1', 't', '', None, False, {});"
        "bids.write_recordings([r], Path(sys.argv[1]))"
    )

    def small_files_only() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    ran = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "rec")],
        preexec_fn=small_files_only,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert "OSError: [Errno 27]" in ran.stderr
    assert not (tmp_path / "rec").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"subject": "a_b"}, "letters and digits"),
        ({"run": "x"}, "digits only"),
        ({"channels": ("chin",)}, "2 channels"),
        ({"channels": ("chin", "a\tb")}, "channel name"),
        ({"events": (Event(40, 3, "boundary"),)}, "cannot be a label"),
        ({"events": (Event(40, 3, "a\nb"),)}, "cannot be a label"),
        ({"about": {"MicrovoltsPerCount": 1.0}}, "not whole counts"),
        ({"about": {"MicrovoltsPerCount": 1e-4}}, "more than 24 bits"),
        ({"about": {"MicrovoltsPerCount": -1.0}}, "above 0"),
        ({"about": {"MicrovoltsPerCount": "1"}}, "above 0"),
        ({"about": {"Source": Path("x")}}, "not plain JSON"),
        ({"samples": Samples.contiguous(np.zeros((0, 2)), 250)}, "no samples"),
        ({"samples": Samples.contiguous(np.full((9, 2), 2e7), 250), "about": {}}, "10 V"),
        ({"samples": Samples.contiguous(np.zeros((9, 2)), 250, first_index=-1)}, "negative"),
    ],
)
def test_what_cannot_be_a_recording_is_refused(
    cyton_recording: Build, tmp_path: Path, change: dict[str, object], message: str
) -> None:
    with pytest.raises(RecordingError, match=message):
        bids.write_recording(cyton_recording(**change), tmp_path)
    assert not list(tmp_path.rglob("*.bdf"))


@pytest.fixture
def written(cyton_recording: Build, tmp_path: Path) -> Path:
    return bids.write_recording(cyton_recording(), tmp_path)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(share=st.floats(0, 0.9999))
def test_a_truncated_bdf_is_an_error(written: Path, share: float) -> None:
    whole = written.read_bytes()
    written.write_bytes(whole[: int(share * len(whole))])
    try:
        with pytest.raises(RecordingError, match=written.name):
            bids.read_recording(written)
    finally:
        written.write_bytes(whole)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(place=st.integers(0, 1023), value=st.integers(0, 255))
def test_a_damaged_header_is_read_or_refused(written: Path, place: int, value: int) -> None:
    whole = written.read_bytes()
    damaged = bytearray(whole)
    damaged[place] = value
    written.write_bytes(damaged)
    try:
        bids.read_recording(written)
    except RecordingError as error:
        assert written.name in str(error)  # noqa: PT017  # either end is right
    finally:
        written.write_bytes(whole)


@pytest.mark.parametrize("suffix", ["_emg.json", "_channels.tsv", "_events.tsv"])
def test_a_missing_file_is_named(written: Path, suffix: str) -> None:
    beside = written.with_name(written.name.replace("_emg.bdf", suffix))
    beside.unlink()
    with pytest.raises(RecordingError, match=f"{beside.name} is missing"):
        bids.read_recording(written)


@pytest.mark.parametrize("suffix", ["_emg.json", "_channels.tsv", "_events.tsv"])
@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(start=st.integers(0, 400), length=st.integers(0, 30), put=st.binary(max_size=20))
def test_a_damaged_sidecar_is_read_or_refused(
    written: Path, suffix: str, start: int, length: int, put: bytes
) -> None:
    beside = written.with_name(written.name.replace("_emg.bdf", suffix))
    whole = beside.read_bytes()
    start = min(start, len(whole))
    beside.write_bytes(whole[:start] + put + whole[start + length :])
    try:
        bids.read_recording(written)
    except RecordingError as error:
        assert written.parent.name in str(error)  # noqa: PT017  # either end is right
    finally:
        beside.write_bytes(whole)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("SampleCount", 5000, "promises 5000"),
        ("SampleCount", "611", "whole number"),
        ("SampleCount", 0, "promises 0"),
        ("SamplingFrequency", None, "above 0"),
        ("SamplingFrequency", True, "above 0"),
        ("MicrovoltsPerCount", 10**400, "above 0"),
        ("FirstSampleIndex", 10**30, "whole number"),
        ("FirstSampleIndex", 5000, "does not rise"),
        ("Warnings", "one sentence", "Warnings must be a list"),
        ("Warnings", None, "Warnings must be a list"),
    ],
)
def test_a_wrong_value_in_the_sidecar_is_named(
    written: Path, key: str, value: object, message: str
) -> None:
    sidecar = written.with_suffix(".json")
    sidecar.write_text(json.dumps({**json.loads(sidecar.read_text()), key: value}))
    with pytest.raises(RecordingError, match=message):
        bids.read_recording(written)


def test_a_channel_too_many_is_an_error(written: Path) -> None:
    table = written.with_name(written.name.replace("_emg.bdf", "_channels.tsv"))
    table.write_text(table.read_text() + "nose\tEMG\tuV\t250.0\tgood\tn/a\n")
    with pytest.raises(RecordingError, match=r"holds 2 channels, .* names 3"):
        bids.read_recording(written)


def test_a_bdf_that_is_none_is_an_error(written: Path) -> None:
    written.write_bytes(b"not a BDF")
    with pytest.raises(RecordingError, match="not a BDF"):
        bids.read_recording(written)
    with pytest.raises(RecordingError, match="no such recording"):
        bids.read_recording(written.with_name("sub-1_ses-1_task-x_emg.bdf"))
    with pytest.raises(RecordingError, match="must be named"):
        bids.read_recording(written.with_name("x.bdf"))


def test_an_empty_folder_says_how_to_fill_it(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"holds no recordings.*data import.*data synth"):
        bids.find_recordings(tmp_path)
    with pytest.raises(RecordingError, match="is not a folder"):
        bids.find_recordings(tmp_path / "nowhere")


def test_runs_are_in_order_of_their_number(cyton_recording: Build, tmp_path: Path) -> None:
    for run in ("10", "2", "1"):
        bids.write_recording(cyton_recording(run=run), tmp_path)
    assert [one.run for one in bids.read_recordings(tmp_path)] == ["1", "2", "10"]
    first = bids.find_recordings(tmp_path)[0]
    assert bids.find_recordings(first) == [first]


def test_filters_choose_and_name_what_is_there(cyton_recording: Build, tmp_path: Path) -> None:
    for subject in ("01", "02"):
        for task in ("silent", "loud"):
            bids.write_recording(cyton_recording(subject=subject, task=task), tmp_path)
    chosen = bids.read_recordings(tmp_path, subjects=["02"], tasks=["loud", "silent"])
    assert [one.name for one in chosen] == ["sub-02_ses-A_task-loud", "sub-02_ses-A_task-silent"]
    with pytest.raises(RecordingError, match=r"of subject 03; it holds subject 01\|02"):
        list(bids.read_recordings(tmp_path, subjects=["03"]))


def test_without_edfio_the_extra_is_named(
    cyton_recording: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edgeemg.errors import MissingExtraError

    monkeypatch.setitem(sys.modules, "edfio", None)
    with pytest.raises(MissingExtraError, match=r"edgeemg\[data\]"):
        bids.write_recording(cyton_recording(), tmp_path)


def test_an_invalid_sample_keeps_its_value_and_a_missing_one_is_nan(
    cyton_recording: Build, tmp_path: Path
) -> None:
    recording = cyton_recording()
    microvolts, valid = recording.samples.microvolts.copy(), recording.samples.valid.copy()
    valid[10:20, 0] = False
    microvolts[0:5, 1] = np.nan
    samples = replace(recording.samples, microvolts=microvolts, valid=valid)
    path = bids.write_recording(replace(recording, samples=samples), tmp_path)
    read = bids.read_recording(path).samples
    np.testing.assert_array_equal(read.microvolts[10:20, 0], microvolts[10:20, 0])
    assert not read.valid[10:20, 0].any()
    assert np.isnan(read.microvolts[0:5, 1]).all()
    assert read.valid.sum() == valid.size - 15
    table = path.with_name(path.name.replace("_emg.bdf", "_events.tsv")).read_text()
    assert "\tbad\t10\t50\t10\tchin\n" in table
    assert "\tbad_missing\t0\t40\t5\tthroat\n" in table


def test_the_file_holds_the_last_value_where_nothing_is_known(
    cyton_recording: Build, tmp_path: Path
) -> None:
    recording = cyton_recording()
    microvolts = recording.samples.microvolts.copy()
    microvolts[:3, 0] = microvolts[7:9, 0] = microvolts[600:, 0] = np.nan
    microvolts[:, 1] = np.nan
    samples = replace(recording.samples, microvolts=microvolts)
    path = bids.write_recording(replace(recording, samples=samples), tmp_path)
    counts = read_bdf(path)
    assert (counts[:3, 0] == counts[3, 0]).all()
    assert (counts[7:9, 0] == counts[6, 0]).all()
    assert (counts[600:, 0] == counts[599, 0]).all()
    assert not counts[:, 1].any()
