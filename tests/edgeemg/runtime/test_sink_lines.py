"""Lines on a file that is full, moved or cut off, and on a pipe whose reader stalls or goes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgeemg.errors import SinkError
from edgeemg.runtime.outbox import OverError
from edgeemg.runtime.sink_lines import FileLines, StdoutLines
from edgeemg.runtime.sinks import Decision

DECISION = Decision("não", 0.75, 1234, 4.936, None, "onnxruntime 1 int8")


def read(path: Path) -> list[str]:
    return [json.loads(line)["label"] for line in path.read_text("utf-8").splitlines()]


def test_lines_are_added_to_the_end_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "decisions.jsonl"
    for _ in range(2):
        place = FileLines(path)
        place.deliver(DECISION)
        place.deliver(DECISION)
        place.close()
    assert read(path) == ["não"] * 4


def test_a_line_stays_readable_in_a_file(tmp_path: Path) -> None:
    place = FileLines(tmp_path / "d")
    place.deliver(DECISION)
    place.close()
    assert "não".encode() in (tmp_path / "d").read_bytes()


def test_half_a_line_that_was_left_gets_an_end(tmp_path: Path) -> None:
    path = tmp_path / "d"
    path.write_text('{"label": "le')
    place = FileLines(path)
    place.deliver(DECISION)
    place.deliver(DECISION)
    place.close()
    half, *whole = path.read_text("utf-8").splitlines()
    assert half == '{"label": "le'
    assert [json.loads(one)["label"] for one in whole] == ["não", "não"]


def test_a_file_that_is_moved_away_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "d"
    place = FileLines(path)
    place.deliver(DECISION)
    path.rename(tmp_path / "d.1")
    place.deliver(DECISION)
    path.unlink()
    place.deliver(DECISION)
    place.close()
    assert read(tmp_path / "d.1") == ["não"]
    assert read(path) == ["não"]


def test_a_folder_that_goes_and_comes_back(tmp_path: Path) -> None:
    folder = tmp_path / "stick"
    folder.mkdir()
    place = FileLines(folder / "d")
    place.deliver(DECISION)
    folder.rename(tmp_path / "away")
    for _ in range(2):
        with pytest.raises(SinkError, match=r"cannot write .*stick/d \(No such file"):
            place.deliver(DECISION)
    (tmp_path / "away").rename(folder)
    place.deliver(DECISION)
    place.close()
    assert read(folder / "d") == ["não", "não"]


def test_a_full_disk_is_a_sink_error_that_names_the_file() -> None:
    place = FileLines(Path("/dev/full"))
    with pytest.raises(SinkError, match=r"/dev/full \(No space left on device\)"):
        place.deliver(DECISION)
    place.close()


_FILL = """
import resource, signal, sys
from pathlib import Path
from edgeemg.errors import SinkError
from edgeemg.runtime.sink_lines import FileLines
from edgeemg.runtime.sinks import Decision

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path, most = Path(sys.argv[1]), resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, most))
place, refused = FileLines(path), 0
for n in range(40):
    decision = Decision("não", 1.0, n, n / 250, None, "e" * 100)
    while True:
        try:
            place.deliver(decision)
            break
        except SinkError:
            refused += 1
            assert path.read_bytes()[-1:] != b"\\n", "it fills the last byte"
            resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 1000, most))
place.close()
print(refused)
"""


def test_a_disk_that_fills_up_in_the_middle_of_a_line_spoils_none(tmp_path: Path) -> None:
    """A limit on the file's size cuts a line like a full disk does; raised, the rest follows."""
    path = tmp_path / "d"
    done = subprocess.run(
        [sys.executable, "-c", _FILL, str(path)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 5
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert [one["sample_index"] for one in lines] == list(range(40))


@pytest.fixture
def small_disk(tmp_path: Path):
    """A disk of 16 kB, as root; skipped elsewhere, the limit on a file's size is tested there."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16k", "none", str(folder)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"no right to mount a small disk ({mounted.stderr.decode().strip()})")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_that_has_room_again_goes_on_where_it_was(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(8192))
    place = FileLines(small_disk / "d")
    n, full = 0, False
    while not full:
        one = Decision("left", 1.0, n, 0.0, None, "e")
        try:
            place.deliver(one)
            n += 1
        except SinkError as error:
            assert "No space left" in str(error)  # noqa: PT017  # it ends the loop
            full = True
    ballast.unlink()
    place.deliver(one)
    place.close()
    lines = [json.loads(line) for line in (small_disk / "d").read_text().splitlines()]
    assert [line["sample_index"] for line in lines] == list(range(n + 1))


def test_a_place_that_cannot_be_written_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match=r"cannot write decisions to .*nowhere/d"):
        FileLines(tmp_path / "nowhere" / "d")
    with pytest.raises(SinkError, match=r"\(Is a directory\)"):
        FileLines(tmp_path)


def test_a_named_pipe_that_nobody_reads_does_not_hold_up_the_start(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SinkError, match=r"cannot write decisions to .*pipe"):
        FileLines(tmp_path / "pipe")


def test_a_pipe_sees_a_decision_when_it_is_sent() -> None:
    reads, writes = os.pipe()
    StdoutLines(writes, ascii_only=True).deliver(DECISION)
    line = os.read(reads, 1000)
    assert line.isascii()
    assert line.endswith(b"}\n")
    assert json.loads(line)["label"] == "não"
    os.close(reads)
    os.close(writes)


def test_a_pipe_with_room_is_written_at_once_and_a_full_one_not() -> None:
    reads, writes = os.pipe()
    place = StdoutLines(writes, ascii_only=False)
    n = 0
    while place.at_once(DECISION):
        n += 1
    assert n > 100
    assert os.get_blocking(writes)  # who shares the pipe is not bothered
    held = b""
    while len(held.splitlines()) < n:
        held += os.read(reads, 65536)
    assert held == (DECISION.as_json() + "\n").encode() * n
    assert place.at_once(DECISION)
    place.close()
    os.close(reads)
    os.close(writes)


def test_a_line_that_a_pipe_might_cut_is_not_written_at_once() -> None:
    reads, writes = os.pipe()
    place = StdoutLines(writes, ascii_only=False)
    assert not place.at_once(Decision("left", 1.0, 0, 0.0, None, "e" * 5000))
    os.close(reads)
    with pytest.raises(OverError, match="its reader is gone"):
        place.at_once(DECISION)
    place.close()
    os.close(writes)


def test_what_is_no_pipe_may_keep_one_waiting(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        assert not StdoutLines(file.fileno(), ascii_only=False).at_once(DECISION)


def test_a_reader_that_is_gone_is_for_good() -> None:
    reads, writes = os.pipe()
    os.close(reads)
    with pytest.raises(OverError, match=r"stdout \(Broken pipe\): its reader is gone"):
        StdoutLines(writes, ascii_only=False).deliver(DECISION)
    os.close(writes)


def test_a_full_disk_behind_stdout_is_not() -> None:
    with Path("/dev/full").open("wb") as full, pytest.raises(SinkError, match="No space") as error:
        StdoutLines(full.fileno(), ascii_only=False).deliver(DECISION)
    assert not isinstance(error.value, OverError)
