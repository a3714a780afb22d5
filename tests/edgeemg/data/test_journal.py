"""A journal after a power cut: what was on the disk comes back, and what is lost is said."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from edgeemg.data import journal_blocks as blocks
from edgeemg.data.journal import JournalHeader, is_being_written, read_journal
from edgeemg.data.journal_writer import JournalWriter
from edgeemg.dsp.samples import Samples
from edgeemg.errors import OutputExistsError, RecordingError


def header(**changes):
    plain = {
        "sample_rate_hz": 250.0,
        "channels": ("EMG1", "EMG2"),
        "microvolts_per_count": 0.5,
        "subject": "01",
        "session": "1",
        "task": "speech",
        "run": "1",
        "mains_hz": 50.0,
        "generated": True,
        "about": {"License": "CC0-1.0"},
    }
    return JournalHeader(**{**plain, **changes})


def samples(first, n, *, seed=0):
    rng = np.random.default_rng(seed + first)
    counts = rng.integers(-(2**20), 2**20, (n, 2))
    index = np.arange(first, first + n, dtype=np.int64)
    return Samples((counts * 0.5).astype(np.float32), 250.0, index, rng.random((n, 2)) < 0.9)


def written(path, n_pieces=4, *, close=True):
    """A journal of pieces of 5 samples, the third one behind a gap, and an event after each."""
    clock = iter(np.arange(0, 1e6, 0.3))
    pieces = [samples(5 * n + (100 if n >= 2 else 0), 5) for n in range(n_pieces)]
    with JournalWriter(path, header(), clock=lambda: float(next(clock))) as writer:
        for n, piece in enumerate(pieces):
            writer.add(piece)
            writer.note(int(piece.index[-1]), {"what": "told", "text": str(n)})
        if close:
            writer.close(200)
    return pieces


def test_what_was_added_comes_back_exactly(tmp_path):
    pieces = written(tmp_path / "one.emgj")
    journal = read_journal(tmp_path / "one.emgj")
    assert journal.header == header()
    assert journal.ended
    assert journal.damage == []
    assert np.array_equal(journal.samples.index, np.concatenate([one.index for one in pieces]))
    assert np.array_equal(
        journal.samples.microvolts, np.concatenate([one.microvolts for one in pieces])
    )
    assert np.array_equal(journal.samples.valid, np.concatenate([one.valid for one in pieces]))
    assert [event["text"] for _, event in journal.events if "text" in event] == ["0", "1", "2", "3"]


def whole_before(content, place):
    """Samples in blocks that end before a place in the file."""
    found = list(blocks.scan_blocks(content[:place], blocks.Damage()))
    return sum(len(blocks.unpack_samples(b.payload)[0]) for b in found if b.kind == "samples")


def test_truncated_at_every_byte_it_gives_every_whole_block(tmp_path):
    path = tmp_path / "one.emgj"
    written(path)
    content = path.read_bytes()
    cut = tmp_path / "cut.emgj"
    refused = 0
    for place in range(len(content)):
        cut.write_bytes(content[:place])
        n = whole_before(content, place)
        if not n:
            refused += 1
            with pytest.raises(RecordingError):
                read_journal(cut)
            continue
        journal = read_journal(cut)
        assert len(journal.samples) == n
        assert not journal.ended
        assert journal.damage == []  # it is what a power cut does
    assert 100 < refused < len(content) / 2


def test_a_flipped_bit_anywhere_costs_one_block_and_is_said(tmp_path):
    path = tmp_path / "one.emgj"
    pieces = written(path)
    content = path.read_bytes()
    bad = tmp_path / "bad.emgj"
    total = sum(map(len, pieces))
    for place in range(len(content)):
        spoiled = bytearray(content)
        spoiled[place] ^= 1 << place % 8
        bad.write_bytes(spoiled)
        journal = read_journal(bad)
        assert total - 5 <= len(journal.samples) <= total
        assert journal.damage or not journal.ended


def test_several_bits_flipped_and_bytes_lost_never_crash_it(tmp_path):
    path = tmp_path / "one.emgj"
    written(path, 8)
    content = path.read_bytes()
    rng = random.Random(5)
    bad = tmp_path / "bad.emgj"
    read = 0
    for _ in range(600):
        spoiled = bytearray(content)
        for _ in range(rng.randrange(1, 6)):
            at = rng.randrange(len(spoiled) - 60)
            if rng.random() < 0.5:
                spoiled[at] ^= 1 << rng.randrange(8)
            else:
                del spoiled[at : at + rng.randrange(1, 50)]
        bad.write_bytes(spoiled)
        try:
            journal = read_journal(bad)
        except RecordingError:
            continue
        read += 1
        assert (np.diff(journal.samples.index) > 0).all()
        assert journal.damage or not journal.ended
    assert read > 50


@pytest.mark.parametrize(("seconds", "headers"), [(2, 2), (60, 2), (62, 3), (124, 4)])
def test_a_lost_header_comes_again_after_a_second_and_each_minute(tmp_path, seconds, headers):
    path = tmp_path / "one.emgj"
    now_s = [0.0]
    with JournalWriter(path, header(), clock=lambda: now_s[0]) as writer:
        for n in range(4 * seconds):
            now_s[0] += 0.25
            writer.add(samples(n, 1))
    content = bytearray(path.read_bytes())
    assert sum(one.kind == "header" for one in blocks.scan_blocks(content, blocks.Damage())) == (
        headers
    )
    content[10] ^= 1
    path.write_bytes(content)
    journal = read_journal(path)
    assert journal.header == header()
    assert len(journal.samples) == 4 * seconds
    assert len(journal.damage) == 2  # the bytes, and the number that is missing


def test_a_short_recording_that_ended_has_its_header_twice(tmp_path):
    path = tmp_path / "one.emgj"
    with JournalWriter(path, header(), clock=lambda: 0.0) as writer:
        writer.add(samples(0, 5))
        writer.close(5)
    content = bytearray(path.read_bytes())
    content[10] ^= 1
    path.write_bytes(content)
    assert len(read_journal(path).samples) == 5


def test_without_a_sample_there_is_no_file(tmp_path):
    path = tmp_path / "one.emgj"
    for end in (JournalWriter.abandon, lambda writer: writer.close(0)):
        writer = JournalWriter(path, header())
        writer.note(0, {"what": "told", "text": "early"})
        writer.tick()
        end(writer)
        assert not list(tmp_path.iterdir())


def test_what_was_noted_before_the_first_sample_is_in_the_file(tmp_path):
    path = tmp_path / "one.emgj"
    with JournalWriter(path, header()) as writer:
        writer.note(0, {"what": "told", "text": "early"})
        writer.add(samples(0, 5))
        writer.close(5)
    journal = read_journal(path)
    assert [event["what"] for _, event in journal.events] == ["told", "ended"]
    assert len(journal.samples) == 5
    assert journal.damage == []


def test_a_folder_of_that_name_is_being_written_by_nobody(tmp_path):
    (tmp_path / "x.emgj").mkdir()
    assert not is_being_written(tmp_path / "x.emgj")


def test_blocks_of_another_file_behind_it_are_left_out(tmp_path):
    """What a card may hold behind the end after a crash: old blocks with right checksums."""
    path, old = tmp_path / "one.emgj", tmp_path / "old.emgj"
    written(path)
    written(old, 2)
    path.write_bytes(path.read_bytes() + old.read_bytes())
    journal = read_journal(path)
    assert len(journal.samples) == 20
    assert all("out of order" in line for line in journal.damage)


@pytest.mark.parametrize("content", [b"", b"not a journal", b"\xe5mgH", bytes(5000)])
def test_what_is_no_journal_is_refused(tmp_path, content):
    path = tmp_path / "x.emgj"
    path.write_bytes(content)
    with pytest.raises(RecordingError, match="no journal of edgeemg"):
        read_journal(path)


def test_another_version_says_which(tmp_path):
    path = tmp_path / "x.emgj"
    path.write_bytes(blocks.pack_block("header", 0, 0, json.dumps({"schema": 9}).encode()))
    with pytest.raises(RecordingError, match="of version 9, this edgeemg reads 1"):
        read_journal(path)


def test_a_journal_is_never_written_over(tmp_path):
    written(tmp_path / "one.emgj")
    before = (tmp_path / "one.emgj").read_bytes()
    with pytest.raises(OutputExistsError, match="data recover"):
        JournalWriter(tmp_path / "one.emgj", header())
    assert (tmp_path / "one.emgj").read_bytes() == before


def test_who_comes_second_neither_writes_over_the_first_nor_removes_it(tmp_path):
    path = tmp_path / "one.emgj"
    with JournalWriter(path, header()) as first, JournalWriter(path, header()) as second:
        first.add(samples(0, 5))
        first.note(0, {})
        second.add(samples(50, 5))
        with pytest.raises(OutputExistsError):
            second.note(0, {})
        second.discard()
        assert len(read_journal(path).samples) == 5
        first.discard()
    assert not path.exists()


def test_while_it_is_written_one_can_see_it(tmp_path):
    with JournalWriter(tmp_path / "one.emgj", header()) as writer:
        writer.add(samples(0, 5))
        writer.note(0, {})
        assert is_being_written(tmp_path / "one.emgj")
    assert not is_being_written(tmp_path / "one.emgj")


def test_it_is_on_the_disk_once_a_second_and_a_slow_disk_delays_no_sample(tmp_path):
    now_s, syncs, stuck = [0.0], [], threading.Event()

    def slow_sync(file):
        syncs.append(now_s[0])
        assert stuck.wait(60)
        os.fdatasync(file)

    path = tmp_path / "one.emgj"
    with JournalWriter(path, header(), clock=lambda: now_s[0], sync=slow_sync) as writer:
        for n in range(100):
            now_s[0] += 0.1
            writer.add(samples(n, 1))
        # the first sync has not come back, and what came since is in the file all the same
        assert len(syncs) == 1
        assert len(read_journal(path).samples) >= 97
        stuck.set()
        deadline = time.monotonic() + 60
        for n in range(100, 200):
            now_s[0] += 0.1
            before = len(syncs)
            writer.add(samples(n, 1))
            while now_s[0] - syncs[-1] >= 1.0 and len(syncs) == before:
                assert time.monotonic() < deadline
                time.sleep(0.001)
                writer.tick()
    assert all(later - earlier <= 1.11 for earlier, later in pairwise(syncs[1:]))
    assert len(syncs) >= 10


_LIMITED = """
import resource, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_journal import header, samples
from edgeemg.data.journal_writer import JournalWriter
from edgeemg.errors import RecordingError
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
clock = iter(range(10**9))
try:
    with JournalWriter(Path(sys.argv[1]), header(), clock=lambda: next(clock)) as writer:
        for n in range(10_000):
            writer.add(samples(5 * n, 5))
except RecordingError as error:
    print(error)
"""


def test_where_the_system_takes_no_more_it_stops_cleanly_and_keeps_what_is_there(tmp_path):
    """A limit on the size of files: as a full disk, it refuses a write in the middle."""
    path = tmp_path / "one.emgj"
    command = [sys.executable, "-c", _LIMITED, str(path), str(Path(__file__).parent)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "takes no more" in done.stdout
    assert f"edgeemg data recover {path}" in done.stdout
    journal = read_journal(path)
    assert len(journal.samples) > 500
    assert journal.damage == []
    assert path.stat().st_size <= 20_000


_DRIVER = """
import mmap, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from test_journal import header, samples
from edgeemg.data.journal_writer import JournalWriter
import numpy as np
from edgeemg.dsp.samples import Samples
RATE, CHANNELS = 2000, 8
with open(sys.argv[2], "r+b") as file:
    taken = mmap.mmap(file.fileno(), 8)
names = tuple(f"EMG{n + 1}" for n in range(CHANNELS))
rng = np.random.default_rng(0)
noise = (rng.integers(-1000, 1000, (RATE, CHANNELS)) * 0.5).astype(np.float32)
whole = np.ones((RATE, CHANNELS), np.bool_)
with JournalWriter(Path(sys.argv[1]), header(sample_rate_hz=RATE, channels=names)) as writer:
    started, sent = time.monotonic(), 0
    while True:
        due = int((time.monotonic() - started) * RATE) - sent
        if due > RATE // 25:  # a busy machine held it up: what came meanwhile never came
            started += (due - RATE // 25) / RATE
            due = RATE // 25
        index = np.arange(sent, sent + due)
        writer.add(Samples(noise[:due], float(RATE), index, whole[:due]))
        sent += due
        taken[:] = sent.to_bytes(8, "little")
        time.sleep(0.02)
"""


@pytest.mark.slow
def test_killed_a_hundred_times_it_loses_less_than_a_second(tmp_path):
    """What the driver took is known from memory that outlives it; it may have taken nothing yet."""
    rng = random.Random(7)
    running, lost = [], []
    for n in range(100):
        path, taken = tmp_path / f"{n}.emgj", tmp_path / f"{n}.taken"
        taken.write_bytes(bytes(8))
        command = [sys.executable, "-c", _DRIVER, str(path), str(taken), str(Path(__file__).parent)]
        running.append((subprocess.Popen(command), path, taken))
        if len(running) == 4:
            lost += _kill_at_random(running, rng)
            running = []
    lost += _kill_at_random(running, rng)
    assert len(lost) == 100
    assert 0 < max(lost) <= 0.3 * 2000  # 0.25 s wait in memory, by the writer's own clock
    print(
        f"lost at most {max(lost)} samples of 2000 a second, {sum(lost) / len(lost):.0f} on average"
    )


def _kill_at_random(running, rng):
    """Kill each at a moment of its own; the samples of each that are not in its file."""
    lost = []
    for process, path, taken in running:
        while rng.random() < 0.9 and not int.from_bytes(taken.read_bytes(), "little"):
            assert process.poll() is None
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 2.0) / len(running))
        process.send_signal(signal.SIGKILL)
        process.wait()
        n = int.from_bytes(taken.read_bytes(), "little")
        if not path.exists():
            lost.append(n)
            continue
        journal = read_journal(path)
        assert journal.damage == []
        assert np.array_equal(journal.samples.index, np.arange(len(journal.samples)))
        lost.append(n - len(journal.samples))
    return lost
