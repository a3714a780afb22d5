"""`edgeemg record` in a real terminal, on a simulated sensor: all that can happen to a session."""

import contextlib
import fcntl
import json
import os
import pty
import re
import resource
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections import Counter

import numpy as np
import pytest

from edgeemg.data.bids import find_recordings, read_recording
from edgeemg.data.journal import read_journal
from edgeemg.errors import RecordingError

QUICK = ("--ready-s", 0.2, "--trial-s", 0.4, "--rest-s", 0.9, "--seed", 3, "--generated")
WORDS = ("--words", "yes,no", "--repetitions", 1)


def command(*arguments):
    return [sys.executable, "-m", "edgeemg", *map(str, arguments)]


def only(folder):
    (path,) = find_recordings(folder)
    return read_recording(path)


def labels(recording):
    return Counter(event.label for event in recording.events)


def wait_for(seen, what, most_s=60.0):
    deadline = time.monotonic() + most_s
    while not seen():
        assert time.monotonic() < deadline, f"{what} did not come"
        time.sleep(0.02)


def has_ended(journal):
    """Whether everything is in the file, or the file has become a recording already."""
    with contextlib.suppress(RecordingError):
        return not journal.exists() or read_journal(journal).ended
    return not journal.exists()


class Terminal:
    """A program in a pseudo-terminal of 80 x 24; `said` is all that it wrote."""

    def __init__(self, *arguments):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        self.said = ""
        self.process = subprocess.Popen(
            command(*arguments), stdin=slave, stdout=slave, stderr=slave, start_new_session=True
        )

    def read(self):
        while select.select([self.master], [], [], 0.02)[0]:
            self.said += os.read(self.master, 65536).decode()

    def until(self, text, most_s=60.0):
        """Until this stands in the latest picture, or among the lines without one."""

        def seen():
            self.read()
            assert self.process.poll() is None or text in self.said, self.plain()
            return text in self.screen()

        wait_for(seen, repr(text), most_s)

    def screen(self):
        return self.plain(self.said.rpartition("\x1b[H")[2])

    def plain(self, text=None):
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.said if text is None else text)

    def press(self, keys):
        os.write(self.master, keys.encode())

    def end(self):
        wait_for(lambda: self.read() or self.process.poll() is not None, "the end")
        self.read()
        return self.process.returncode


@contextlib.contextmanager
def terminal(*arguments):
    opened = Terminal(*arguments)
    try:
        yield opened
    finally:
        opened.process.kill()
        opened.process.wait()
        os.close(opened.master)
        os.close(opened.slave)


def as_from_a_shell():
    """Signals as a person's shell leaves them, however the tests were started."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def still_sends(port):
    """Whether the sensor sends on though nobody reads it; what it sent before is thrown away."""
    line = os.open(port, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        termios.tcflush(line, termios.TCIFLUSH)
        return bool(select.select([line], [], [], 1.0)[0])
    finally:
        os.close(line)


@contextlib.contextmanager
def recorder(*arguments, before=as_from_a_shell):
    """The verb without a terminal, as a process of its own."""
    process = subprocess.Popen(
        command("record", *arguments),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=before,  # noqa: PLW1509  # the tests have one thread
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def say(process, text):
    """Read lines until one has this."""
    lines = []
    for line in process.stderr:
        lines.append(line)
        if text in line:
            return
    pytest.fail(f"{text!r} did not come: {''.join(lines)}")


def test_what_is_recorded_is_what_was_played_and_labels_lie_where_they_were_said(
    edgeemg, simulated, tiny_recording, tmp_path
):
    with simulated(tiny_recording, tmp_path / "emg", "--loop") as port:
        done = edgeemg(
            "record",
            "--port",
            port,
            "--out",
            tmp_path / "rec",
            *WORDS,
            *QUICK,
            "--channels",
            "1,2,4",
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    recording = only(tmp_path / "rec")
    assert labels(recording) == {"yes": 1, "no": 1, "rest": 2}
    assert recording.channels == ("EMG1", "EMG2", "EMG4")
    assert recording.name == "sub-01_ses-1_task-speech_run-1"
    assert recording.generated
    played = read_recording(tiny_recording).samples
    rows = recording.samples.index
    assert np.array_equal(recording.samples.microvolts, played.microvolts[rows][:, [0, 1, 3]])
    # prompts are 1.5 s apart on the host's clock: so are their labels, on the sensor's
    words = [event for event in recording.events if event.label != "rest"]
    assert words[1].index - words[0].index == pytest.approx(1.5 * 250, abs=100)
    assert {event.length for event in recording.events} == {100}
    assert recording.about["Recorder"]["Plan"]["seed"] == 3
    assert "say: yes" in done.stderr
    assert "lost 0" in done.stderr
    assert not list((tmp_path / "rec").glob("*.emgj"))


def test_keys_in_a_terminal_begin_pause_undo_and_finish(simulated, tiny_recording, tmp_path):
    out = tmp_path / "rec"
    words = ("--words", "yes,no", "--repetitions", 5)
    with (
        simulated(tiny_recording, tmp_path / "emg", "--loop") as port,
        terminal("record", "--port", port, "--out", out, *words, *QUICK) as person,
    ):
        person.until("press space to begin")
        assert "EMG8" in person.screen()
        person.press(" ")
        person.until("say: ")
        person.until("relax")
        person.until("done 1 of 10")
        person.press("u")
        person.until("1 undone")
        assert "1 to repeat" in person.screen()
        person.press(" ")
        person.until("press space to go on")
        person.press("\x1a")  # Ctrl-Z must not stop it: it would lose samples
        person.press(" ")
        person.until("done 2 of 10")
        person.press("q")
        assert person.end() == 0, person.plain()
        assert "\x1b[?1049l" in person.said
        assert termios.tcgetattr(person.slave) == person.before
        assert "Traceback" not in person.said
    recording = only(out)
    kept = labels(recording)
    assert kept["yes"] + kept["no"] >= 2
    reasons = [one["reason"] for one in recording.about["SkippedTrials"]]
    assert "undone" in reasons
    assert (np.diff(recording.samples.index) == 1).all()


def test_a_terminal_that_stops_reading_delays_no_sample(simulated, tiny_recording, tmp_path):
    """As Ctrl-S does, or an SSH connection that hangs."""
    out = tmp_path / "rec"
    with (
        simulated(tiny_recording, tmp_path / "emg", "--loop") as port,
        terminal("record", "--port", port, "--out", out, *WORDS, *QUICK, "--at-once") as person,
    ):
        person.until("get ready")
        wait_for(lambda: all(map(has_ended, out.glob("*.emgj"))), "the end of the recording")
        assert person.end() == 0
    assert labels(only(out)) == {"yes": 1, "no": 1, "rest": 2}
    assert (np.diff(only(out).samples.index) == 1).all()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_cleanly_and_keeps(number, simulated, tiny_recording, tmp_path):
    out = tmp_path / "rec"
    many = ("--words", "yes,no", "--repetitions", 50)
    with (
        simulated(tiny_recording, tmp_path / "emg", "--loop") as port,
        recorder("--port", port, "--out", out, *many, *QUICK) as process,
    ):
        say(process, "(1 of 100 done)")
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
        assert not still_sends(port)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors
    assert sum(labels(only(out)).values()) >= 1
    assert not list(out.glob("*.emgj"))


_OWN_TERMINAL = """
import fcntl, os, signal, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])
"""


def test_a_connection_that_breaks_ends_it_cleanly_and_keeps(simulated, tiny_recording, tmp_path):
    """The terminal is gone: a hang-up comes, and nothing that is said can be written."""
    out = tmp_path / "rec"
    many = ("--words", "yes,no", "--repetitions", 50, "--at-once")
    with simulated(tiny_recording, tmp_path / "emg", "--loop") as port:
        master, slave = pty.openpty()
        wanted = command("record", "--port", port, "--out", out, *many, *QUICK)
        process = subprocess.Popen(
            [sys.executable, "-c", _OWN_TERMINAL, *wanted],
            **dict.fromkeys(("stdin", "stdout", "stderr"), slave),
            start_new_session=True,
        )
        os.close(slave)
        try:
            said = b""
            while b"done 1 of 100" not in said:
                said = said[-4000:] + os.read(master, 65536)
            os.close(master)
            assert process.wait(timeout=60) == 0
            assert not still_sends(port)
        finally:
            process.kill()
            process.wait()
    assert sum(labels(only(out)).values()) >= 1
    assert not list(out.glob("*.emgj"))


def test_killed_it_is_recovered(edgeemg, simulated, tiny_recording, tmp_path):
    out = tmp_path / "rec"
    many = ("--words", "yes,no", "--repetitions", 50)
    with simulated(tiny_recording, tmp_path / "emg", "--loop") as port:
        with recorder("--port", port, "--out", out, *many, *QUICK) as process:
            say(process, "(1 of 100 done)")
            (journal,) = out.glob("*.emgj")
            busy = edgeemg("data", "recover", journal, "--out", out)
            process.kill()
            process.wait()
        assert still_sends(port)  # nobody told it to stop: what other tests look for can be seen
        again = edgeemg("record", "--port", port, "--out", out, *WORDS, *QUICK)
    assert busy.returncode == 2
    assert "is being recorded at this moment" in busy.stderr
    assert again.returncode == 0, again.stderr
    assert f"edgeemg data recover {journal}" in again.stderr
    done = edgeemg("data", "recover", journal, "--out", out)
    assert done.returncode == 0, done.stderr
    assert "did not come to its own end" in done.stderr
    assert not journal.exists()
    first, second = find_recordings(out)
    assert sum(labels(read_recording(first)).values()) >= 1
    assert second.name == "sub-01_ses-1_task-speech_run-2_emg.bdf"


def test_a_sensor_that_goes_away_and_comes_back(simulated, tiny_recording, tmp_path):
    out, link = tmp_path / "rec", tmp_path / "emg"
    words = ("--words", "yes,no", "--repetitions", 2)
    with simulated(tiny_recording, link, "--loop") as port:
        process = recorder("--port", port, "--out", out, *words, *QUICK)
        recording = process.__enter__()
        say(recording, "say: ")
    try:
        say(recording, "paused: no samples")
        with simulated(tiny_recording, link, "--loop"):
            say(recording, "get ready")
            _, errors = recording.communicate(timeout=120)
        assert recording.returncode == 0, errors
    finally:
        process.__exit__(None, None, None)
    back = only(out)
    kept = labels(back)
    assert (kept["yes"], kept["no"]) == (2, 2)
    breaks = np.flatnonzero(np.diff(back.samples.index) != 1)
    assert len(breaks) >= 1
    assert back.about["SkippedTrials"]
    told = [event["text"] for event in back.about["RecorderEvents"] if event["what"] == "told"]
    assert any(str(link) in text for text in told)


def test_where_the_disk_takes_no_more_it_stops_keeps_and_says_so(
    edgeemg, simulated, tiny_recording, tmp_path
):
    """A limit on the size of files refuses a write in the middle, as a full disk does."""
    out = tmp_path / "rec"
    limit = (40_000, 40_000)
    many = ("--words", "yes,no", "--repetitions", 50)
    with (
        simulated(tiny_recording, tmp_path / "emg", "--loop") as port,
        recorder(
            *("--port", port, "--out", out, *many, *QUICK),
            before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit),
        ) as process,
    ):
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 2
    (journal,) = out.glob("*.emgj")
    last = errors.splitlines()[-1]
    assert "takes no more" in last
    assert f"edgeemg data recover {journal}" in last
    assert "Traceback" not in errors
    n = len(read_journal(journal).samples)
    assert n > 500
    done = edgeemg("data", "recover", journal, "--out", tmp_path / "else", "--keep")
    assert done.returncode == 0, done.stderr
    assert len(only(tmp_path / "else").samples) == n
    assert journal.exists()


_DEVICE = """
import sys
for name in ("torch", "scipy", "onnx", "pandas", "sklearn", "matplotlib", "rich", "edfio"):
    sys.modules[name] = None  # not to be imported
from edgeemg.cli.main import main
main()
"""


def test_on_a_device_without_the_host_it_records_and_the_workstation_finishes(
    edgeemg, simulated, tiny_recording, tmp_path
):
    out = tmp_path / "rec"
    with simulated(tiny_recording, tmp_path / "emg", "--loop") as port:
        arguments = ["record", "--port", port, "--out", out, *WORDS, *QUICK]
        done = subprocess.run(
            [sys.executable, "-c", _DEVICE, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert done.returncode == 0, done.stderr
    (journal,) = out.glob("*.emgj")
    assert f"edgeemg data recover {journal.name} --out DIR" in done.stderr
    assert "edgeemg[data]" in done.stderr
    recovered = edgeemg("data", "recover", journal, "--out", tmp_path / "host")
    assert recovered.returncode == 0, recovered.stderr
    assert "own end" not in recovered.stderr
    assert labels(only(tmp_path / "host")) == {"yes": 1, "no": 1, "rest": 2}


def test_words_come_from_a_file_too(edgeemg, simulated, tiny_recording, tmp_path):
    (tmp_path / "words.txt").write_text("# mine\nturn left\n\nnão  # no\n", encoding="utf-8")
    out = tmp_path / "rec"
    words = ("--words-file", tmp_path / "words.txt", "--repetitions", 1)
    with simulated(tiny_recording, tmp_path / "emg", "--loop") as port:
        done = edgeemg(
            "record",
            "--port",
            port,
            "--out",
            out,
            *words,
            *QUICK,
            "--language",
            "pt",
            "--channels",
            "all",
        )
    assert done.returncode == 0, done.stderr
    assert labels(only(out)) == {"turn left": 1, "não": 1, "rest": 2}
    sidecar = next(out.rglob("*_emg.json"))
    assert json.loads(sidecar.read_text())["Language"] == "pt"


def one_clear_line(done, *parts):
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    for part in parts:
        assert part in done.stderr.splitlines()[-1]


def test_a_port_that_does_not_exist_leaves_nothing_behind(edgeemg, tmp_path):
    done = edgeemg("record", "--port", "/dev/ttyUSB99", "--out", tmp_path / "rec", *WORDS)
    one_clear_line(done, "/dev/ttyUSB99")
    assert not (tmp_path / "rec").exists()


def test_it_can_be_ended_while_it_waits_for_a_sensor_that_says_nothing(tmp_path):
    out = tmp_path / "rec"
    for number in (signal.SIGINT, signal.SIGTERM):
        master, slave = pty.openpty()
        with recorder("--port", os.ttyname(slave), "--out", out, *WORDS) as process:
            say(process, "opening")
            process.send_signal(number)
            _, errors = process.communicate(timeout=60)
        os.close(master)
        os.close(slave)
        assert process.returncode == 130
        assert errors.splitlines()[-1] == "edgeemg: interrupted"
    assert not out.exists()


_IN_THE_BACKGROUND = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], preexec_fn=lambda: os.setpgid(0, 0))
_, status = os.waitpid(process.pid, os.WUNTRACED)
print("stopped" if os.WIFSTOPPED(status) else f"ended {os.waitstatus_to_exitcode(status)}")
process.kill()
"""


def test_in_the_background_it_runs_without_keys(simulated, tiny_recording, tmp_path):
    """As `edgeemg record ... &`: whoever sets a terminal that another job has is stopped."""
    out = tmp_path / "rec"
    with simulated(tiny_recording, tmp_path / "emg", "--loop") as port:
        wanted = command("record", "--port", port, "--out", out, *WORDS, *QUICK)
        child, master = pty.fork()
        if not child:
            os.execv(sys.executable, [sys.executable, "-c", _IN_THE_BACKGROUND, *wanted])
        said = b""
        with contextlib.suppress(OSError):
            while new := os.read(master, 65536):
                said += new
        os.close(master)
        os.waitpid(child, 0)
    assert b"ended 0" in said, said.decode()
    assert b"\x1b[?1049h" not in said
    assert labels(only(out)) == {"yes": 1, "no": 1, "rest": 2}


@pytest.mark.slow
def test_killed_at_any_moment_its_file_is_whole(simulated, tiny_recording, tmp_path):
    rng = np.random.default_rng(4)
    many = ("--words", "yes,no", "--repetitions", 50, "--at-once")
    found = 0
    with simulated(tiny_recording, tmp_path / "emg", "--loop") as port:
        for n in range(6):
            out = tmp_path / str(n)
            with recorder("--port", port, "--out", out, *many, *QUICK) as process:
                say(process, "opening")
                time.sleep(rng.uniform(0, 8))
                process.kill()
                killed_s = time.time()
                process.wait()
            for journal in out.glob("*.emgj"):
                found += 1
                assert killed_s - journal.stat().st_mtime < 1.0
                kept = read_journal(journal)
                assert kept.damage == []
                assert (np.diff(kept.samples.index) == 1).all()
    assert found >= 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "--words"),
        (("--words", "yes,yes"), "named once"),
        (("--words", "yes,rest"), "between the words"),
        (("--words", ","), "no words"),
        (("--words", "yes,,no"), "empty place"),
        (("--words-file", "/nowhere"), "--words-file /nowhere cannot be read (No such file or dir"),
        (("--words-file", "/bin/sh"), "--words-file /bin/sh is not text in UTF-8: save it as that"),
        (("--words", "yes", "--channels", "one"), "--channels"),
        (("--words", "yes", "--trial-s", "nan"), "not a finite number"),
        (("--words", "yes", "--subject", "sub_1"), "letters and digits"),
        (("--words", "yes", "--device", "myo"), "myo"),
    ],
)
def test_what_cannot_be_asked_for_is_one_clear_line(arguments, says, edgeemg, tmp_path):
    done = edgeemg("record", "--port", "/dev/null", "--out", tmp_path / "rec", *arguments)
    one_clear_line(done, says)
    assert not (tmp_path / "rec").exists()


def test_inputs_that_the_sensor_lacks_are_refused(edgeemg, simulated, tiny_recording, tmp_path):
    with simulated(tiny_recording, tmp_path / "emg", "--loop") as port:
        done = edgeemg(
            "record", "--port", port, "--out", tmp_path / "rec", *WORDS, "--channels", "1,9"
        )
    one_clear_line(done, "from 1 to 8", "1,9")
    assert not (tmp_path / "rec").exists()


def test_a_folder_with_another_data_set_is_refused_before_anybody_speaks(edgeemg, tmp_path):
    (tmp_path / "dataset_description.json").write_text('{"Name": "theirs"}')
    done = edgeemg("record", "--port", "/dev/null", "--out", tmp_path, *WORDS)
    one_clear_line(done, "'theirs'", "another folder")


def test_a_run_that_is_there_is_refused_before_anybody_speaks(edgeemg, tmp_path):
    path = tmp_path / "sub-01" / "ses-1" / "emg" / "sub-01_ses-1_task-speech_run-4_emg.bdf"
    path.parent.mkdir(parents=True)
    path.touch()
    done = edgeemg("record", "--port", "/dev/null", "--out", tmp_path, *WORDS, "--run", 4)
    one_clear_line(done, str(path), "leave --run out")
