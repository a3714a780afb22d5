"""somach-semg: trials in the order of the clock, breaks between them, short ones by name."""

from pathlib import Path

import numpy as np
import pytest

from edgeemg.data import bids
from edgeemg.data.importers import import_recordings
from edgeemg.data.importers.imported import ImportSettings
from edgeemg.dsp.samples import Event
from edgeemg.errors import RecordingError

ADC_COUNT = 3.3e6 / 4095
HEADER = "Timestamp,CH1,CH2,Label,Phase"


def write_trial(
    folder: Path, name: str, *, first_ms: int, rows: int = 130, label: str = ""
) -> Path:
    rng = np.random.default_rng(first_ms)
    label = label or name.split("_")[0]
    lines = [HEADER]
    for row, (one, two) in enumerate(rng.integers(0, 4096, (rows, 2))):
        lines.append(f"{first_ms + 4 * row},{one},{two},{label},Phase_6_Covert")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def session(tmp_path: Path) -> Path:
    """Three trials: UP, then DOWN 400 ms later, then LEFT after a restart of the board."""
    folder = tmp_path / "covert_sessions" / "session_A"
    write_trial(folder, "LEFT_001_20260224_081500", first_ms=1001)
    write_trial(folder, "UP_001_20260224_081300", first_ms=268953)
    write_trial(folder, "DOWN_001_20260224_081400", first_ms=268953 + 4 * 230)
    return folder


def test_trials_lie_on_the_clock_of_the_board(session: Path, tmp_path: Path) -> None:
    import_recordings("somach-semg", session, tmp_path / "rec")
    (read,) = bids.read_recordings(tmp_path / "rec")
    start = 268953 // 4
    restart = start + 230 + 130 + 250  # one second of silence
    assert read.name == "sub-S01_ses-A_task-covert"
    assert read.events == (
        Event(start, 130, "UP"),
        Event(start + 230, 130, "DOWN"),
        Event(restart, 130, "LEFT"),
    )
    runs = list(read.samples.runs())
    assert [int(run.index[0]) for run in runs] == [event.index for event in read.events]
    assert [len(run) for run in runs] == [130, 130, 130]
    counts = np.random.default_rng(1001).integers(0, 4096, (130, 2))
    np.testing.assert_array_equal(runs[2].microvolts, (counts * ADC_COUNT).astype("f4"))
    assert "not microvolts on the skin" in read.about["Warnings"][0]
    assert read.mains_hz == 50


def test_short_and_empty_trials_are_skipped_by_name(session: Path, tmp_path: Path) -> None:
    write_trial(session, "UP_002_20260224_090000", first_ms=900_001, rows=124)
    write_trial(session, "UP_003_20260224_090010", first_ms=910_001, rows=0)
    (session / "UP_004_20260224_090020.csv").write_text("")
    imported = import_recordings("somach-semg", session, tmp_path / "rec")
    assert [(one.name, one.reason) for one in imported.skipped] == [
        ("UP_002_20260224_090000.csv", "496 ms, shorter than 500 ms"),
        ("UP_003_20260224_090010.csv", "no samples"),
        ("UP_004_20260224_090020.csv", "no samples"),
    ]
    (read,) = bids.read_recordings(tmp_path / "rec")
    assert len(read.events) == 3
    assert read.about["SkippedTrials"][0] == {
        "name": "UP_002_20260224_090000.csv",
        "reason": "496 ms, shorter than 500 ms",
    }
    short = ImportSettings(min_trial_ms=400)
    import_recordings("somach-semg", session, tmp_path / "more", settings=short)
    assert len(next(bids.read_recordings(tmp_path / "more")).events) == 4
    only_short = session / "UP_002_20260224_090000.csv"
    with pytest.raises(RecordingError, match="every trial is shorter than 500 ms"):
        import_recordings("somach-semg", only_short, tmp_path / "none")


def test_phases_and_sessions_become_recordings(session: Path, tmp_path: Path) -> None:
    phase = tmp_path / "studyB_5phase" / "Phase_2_Whispered"
    write_trial(phase, "NOISE_001_20260211_221241", first_ms=1)
    import_recordings("somach-semg", tmp_path, tmp_path / "rec")
    assert [one.name for one in bids.read_recordings(tmp_path / "rec")] == [
        "sub-S01_ses-A_task-covert",
        "sub-S01_ses-studyB_task-whispered",
    ]
    import_recordings("somach-semg", phase, tmp_path / "part")
    assert len(bids.find_recordings(tmp_path / "part")) == 1


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("268957,1,2,UP", "line 4: wanted 5 cells"),
        ("268961,x,2,UP,P", "line 4: CH1 must be a finite number"),
        ("268961,1,nan,UP,P", "line 4: CH2 must be a finite number"),
        ("268961,1,4096,UP,P", "line 4: CH1 and CH2 must be whole counts from 0 to 4095"),
        ("268961,1.5,2,UP,P", "line 4: CH1 and CH2 must be whole counts"),
        ("268963,1,2,UP,P", "line 4: Timestamp must rise by a multiple of 4 ms"),
        ("268957,1,2,UP,P", "line 4: Timestamp must rise"),
        ("268961,1,2,DOWN,P", "line 4: Label must be 'UP'"),
    ],
)
def test_a_fault_is_named_by_file_and_line(tmp_path: Path, row: str, message: str) -> None:
    path = tmp_path / "session_A" / "UP_001_20260224_081300.csv"
    path.parent.mkdir()
    path.write_text(f"{HEADER}\n268953,1,2,UP,P\n268957,1,2,UP,P\n{row}\n")
    with pytest.raises(RecordingError, match=message):
        import_recordings("somach-semg", path, tmp_path / "rec")
    assert not (tmp_path / "rec").exists()


def test_a_file_in_the_wrong_place_or_with_a_wrong_name_is_an_error(tmp_path: Path) -> None:
    stray = write_trial(tmp_path / "here", "UP_001_20260224_081300", first_ms=1)
    with pytest.raises(RecordingError, match="must lie in studyB_5phase"):
        import_recordings("somach-semg", stray, tmp_path / "rec")
    misnamed = write_trial(tmp_path / "session_A", "UP_1", first_ms=1)
    with pytest.raises(RecordingError, match="must be named <LABEL>"):
        import_recordings("somach-semg", misnamed, tmp_path / "rec")


def test_the_published_session_b_is_read(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "somach-semg" / "covert_sessions" / "session_B"
    imported = import_recordings("somach-semg", source, tmp_path)
    (read,) = bids.read_recordings(tmp_path)
    assert {one.name for one in imported.skipped} == {
        "RIGHT_041_20260225_204247.csv",
        "SILENCE_041_20260225_204243.csv",
    }
    assert len(read.events) == 298
    assert read.channels == ("CH1", "CH2")
    assert imported.dropped_channels == {}
    starts = [int(run.index[0]) for run in read.samples.runs()]
    assert starts == [event.index for event in read.events]
    first = np.loadtxt(
        source / "DOWN_001_20260225_202648.csv", delimiter=",", skiprows=1, usecols=(0, 1, 2)
    )
    row = int(np.searchsorted(read.samples.index, int(first[0, 0]) // 4))
    np.testing.assert_array_equal(
        read.samples.microvolts[row : row + len(first)], (first[:, 1:] * ADC_COUNT).astype("f4")
    )
