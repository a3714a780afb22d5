"""subvocal-emg: every sample is a whole Cyton count, every block an event."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from edgeemg.data import bids
from edgeemg.data.importers import import_recordings
from edgeemg.data.importers.imported import ImportSettings
from edgeemg.dsp.samples import Event
from edgeemg.errors import OutputExistsError, RecordingError

CYTON_COUNT = 4.5 / 24 / (2**23 - 1) * 1e6
HEADER = "WORD," + ",".join(f"Channel_{number}" for number in range(1, 9))
BLOCKS = (("sim", 200), ("$SILENCE", 190), ("sim", 210))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """P001 spoken with two words; channels 5 to 8 railed, as in the published files."""
    rng = np.random.default_rng(0)
    for word in ("Sim", "Nao"):
        lines = [HEADER]
        for label, length in BLOCKS:
            for counts in rng.integers(-(2**23) + 1, 2**23, (length, 4)):
                cells = [repr(float(count * CYTON_COUNT)) for count in counts]
                lines.append(",".join([label, *cells, *["-187500.02235174447"] * 4]))
        path = tmp_path / "set" / "P001" / "F" / f"{word}.csv.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress("\n".join(lines).encode()))
    return tmp_path / "set"


def test_a_file_is_a_recording_and_a_block_an_event(folder: Path, tmp_path: Path) -> None:
    imported = import_recordings("subvocal-emg", folder, tmp_path / "rec")
    read = list(bids.read_recordings(tmp_path / "rec"))
    assert [one.name for one in read] == [
        "sub-P001_ses-1_task-spoken_run-1",
        "sub-P001_ses-1_task-spoken_run-2",
    ]
    assert read[0].events == (Event(0, 200, "sim"), Event(200, 190, "rest"), Event(390, 210, "sim"))
    assert read[0].channels == ("Channel_1", "Channel_2", "Channel_3", "Channel_4")
    assert read[0].mains_hz == 60
    assert "measures the recording" in read[0].about["Warnings"][0]
    assert list(imported.dropped_channels) == [f"Channel_{number}" for number in range(5, 9)]
    assert read[0].about["DroppedChannels"] == imported.dropped_channels


def test_railed_channels_can_be_kept_and_stay_exact(folder: Path, tmp_path: Path) -> None:
    settings = ImportSettings(keep_bad_channels=True)
    import_recordings("subvocal-emg", folder, tmp_path / "rec", settings=settings)
    read = next(bids.read_recordings(tmp_path / "rec"))
    counts = read.samples.microvolts / CYTON_COUNT
    assert read.samples.n_channels == 8
    assert (np.rint(counts[:, 4:]) == -(2**23)).all()


def test_a_part_has_the_same_names_as_the_whole(folder: Path, tmp_path: Path) -> None:
    import_recordings("subvocal-emg", folder / "P001/F/Sim.csv.gz", tmp_path / "one")
    assert next(bids.read_recordings(tmp_path / "one")).run == "2"
    import_recordings("subvocal-emg", folder / "P001" / "F", tmp_path / "two")
    assert [one.run for one in bids.read_recordings(tmp_path / "two")] == ["1", "2"]


def test_importing_twice_damages_nothing(folder: Path, tmp_path: Path) -> None:
    import_recordings("subvocal-emg", folder, tmp_path / "rec")
    before = {one: one.read_bytes() for one in (tmp_path / "rec").rglob("*") if one.is_file()}
    with pytest.raises(OutputExistsError, match=r"run-1_emg\.bdf exists already"):
        import_recordings("subvocal-emg", folder, tmp_path / "rec")
    after = {one: one.read_bytes() for one in (tmp_path / "rec").rglob("*") if one.is_file()}
    assert after == before


def test_a_value_that_is_no_count_is_named(folder: Path, tmp_path: Path) -> None:
    path = folder / "P001" / "F" / "Oi.csv"
    path.write_text(f"{HEADER}\nsim,0,0,0,0,0,0,0,0\nsim,0,0.5,0,0,0,0,0,0\n")
    with pytest.raises(RecordingError, match=r"Oi\.csv, line 3: .*whole number of Cyton counts"):
        import_recordings("subvocal-emg", path, tmp_path / "rec")
    path.write_text(HEADER + "\n")
    with pytest.raises(RecordingError, match="no samples"):
        import_recordings("subvocal-emg", path, tmp_path / "rec")
    assert not (tmp_path / "rec").exists()


def test_a_folder_that_is_none_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="holds no subvocal-emg files"):
        import_recordings("subvocal-emg", tmp_path, tmp_path / "rec")
    with pytest.raises(RecordingError, match="no such file or folder"):
        import_recordings("subvocal-emg", tmp_path / "nowhere", tmp_path / "rec")
    (tmp_path / "Sim.csv").write_text(HEADER + "\n")
    with pytest.raises(RecordingError, match="must be F, A or S"):
        import_recordings("subvocal-emg", tmp_path / "Sim.csv", tmp_path / "rec")


def test_the_published_files_come_back_count_for_count(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "subvocal-emg" / "P006" / "S" / "Sim.csv.gz"
    import_recordings("subvocal-emg", source, tmp_path)
    read = next(bids.read_recordings(tmp_path))
    assert read.name == "sub-P006_ses-1_task-subvocal_run-2"
    with gzip.open(source, "rt") as stream:
        published = np.loadtxt(stream, delimiter=",", skiprows=1, usecols=(1, 2, 3, 4))
    counts = np.rint(published / CYTON_COUNT)
    assert np.abs(published / CYTON_COUNT - counts).max() < 1e-6
    np.testing.assert_array_equal(read.samples.microvolts, (counts * CYTON_COUNT).astype("f4"))
    np.testing.assert_array_equal(read.samples.microvolts, published.astype("f4"))
    lengths = [event.length for event in read.events]
    assert sum(lengths) == len(published) == 25063
    assert {event.label for event in read.events} == {"sim", "rest"}
    assert 180 < np.median(lengths) < 215
