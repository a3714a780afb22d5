import json
import os
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeemg.errors import SinkError
from edgeemg.runtime.outbox import LostError, Outbox
from edgeemg.runtime.sink_command import Command, parse_command
from edgeemg.runtime.sinks import Decision
from edgeemg.runtime.standing import Standing

DECISION = Decision("não", 0.5, 7, 0.028, None, "onnxruntime 1 int8")


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not true() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert true()


def alive(pid: int) -> bool:
    """Whether it runs; a zombie, which waits for its new parent, does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_command_gets_the_decision_on_stdin_and_in_its_environment(tmp_path: Path) -> None:
    script = 'cat > in; env | grep ^EDGEEMG_ | sort > env; echo "$0" > words'
    Command(["sh", "-c", f"cd {tmp_path}; {script}", "one word"]).deliver(DECISION)
    assert (tmp_path / "in").read_text() == DECISION.as_json() + "\n"
    assert (tmp_path / "words").read_text() == "one word\n"
    assert (tmp_path / "env").read_text("utf-8").splitlines() == [
        "EDGEEMG_CONFIDENCE=0.5",
        "EDGEEMG_ENGINE=onnxruntime 1 int8",
        "EDGEEMG_LABEL=não",
        "EDGEEMG_LATENCY_MS=",
        "EDGEEMG_SAMPLE_INDEX=7",
        "EDGEEMG_T_S=0.028",
    ]


def test_secrets_and_the_services_socket_are_not_passed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("EDGEEMG_TOKEN", "EDGEEMG_MQTT_PASSWORD", "NOTIFY_SOCKET", "WATCHDOG_USEC"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("OF_THE_USER", "y")
    Command(["sh", "-c", f"env > {tmp_path}/env"]).deliver(DECISION)
    names = {line.partition("=")[0] for line in (tmp_path / "env").read_text().splitlines()}
    assert "OF_THE_USER" in names
    assert not names & {"EDGEEMG_TOKEN", "EDGEEMG_MQTT_PASSWORD", "NOTIFY_SOCKET", "WATCHDOG_USEC"}


def test_what_a_command_prints_does_not_mix_with_the_decisions(capfd) -> None:
    Command(["echo", "hello"]).deliver(DECISION)
    assert capfd.readouterr() == ("", "hello\n")


def test_a_command_may_leave_its_stdin_unread() -> None:
    long = Decision("left", 1.0, 0, 0.0, None, "e" * 1_000_000)  # more than a pipe holds
    Command(["true"]).deliver(Decision(long.label, 1.0, 0, 0.0, None, "e"))
    with pytest.raises(LostError, match="Argument list too long"):
        Command(["true"]).deliver(long)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["false"], "it ended with exit code 1"),
        (["sh", "-c", "kill -9 $$"], "it ended with signal 9"),
        (["/no/such/program"], r"cannot run /no/such/program \(No such file"),
    ],
)
def test_a_failure_is_lost_not_tried_again(words: list[str], message: str) -> None:
    with pytest.raises(LostError, match=message):
        Command(words).deliver(DECISION)


def test_a_command_that_takes_too_long_is_killed_with_its_children(tmp_path: Path) -> None:
    script = f"sleep 600 & echo $! > {tmp_path}/pid; wait"
    with pytest.raises(LostError, match=r"it took more than 0\.5 s and was killed"):
        Command(["sh", "-c", script], limit_s=0.5).deliver(DECISION)
    child = int((tmp_path / "pid").read_text())
    until(lambda: not alive(child))


def test_the_end_of_the_run_kills_a_command_that_still_runs(tmp_path: Path) -> None:
    place = Command(["sh", "-c", f"echo $$ > {tmp_path}/pid; exec sleep 600"])
    box = Outbox(place, kind="exec", standing=Standing("exec", lambda _: None))
    box.send(DECISION)
    box.send(DECISION)
    until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    begun = time.monotonic()
    box.close()
    assert time.monotonic() - begun < 30
    box._worker.join(60)
    assert not alive(int((tmp_path / "pid").read_text()))
    counts = box.summary()
    assert counts["sent"] == 0
    assert counts["failed"] + counts["dropped"] == 2


def test_commands_run_one_at_a_time_and_in_order(tmp_path: Path) -> None:
    script = f"cat >> {tmp_path}/log; sleep 0.05; echo end >> {tmp_path}/log"
    box = Outbox(Command(["sh", "-c", script]), kind="exec", standing=Standing("e", print))
    for n in range(4):
        box.send(Decision("left", 1.0, n, 0.0, None, "e"))
    until(lambda: box.summary()["sent"] == 4)
    box.close()
    lines = (tmp_path / "log").read_text().splitlines()
    assert lines[1::2] == ["end"] * 4
    assert [json.loads(one)["sample_index"] for one in lines[::2]] == [0, 1, 2, 3]


def test_words_are_split_as_a_shell_would_and_nothing_more() -> None:
    assert parse_command("echo 'a b' $HOME;ls") == ["echo", "a b", "$HOME;ls"]
    assert parse_command(f"{shlex.quote(sys.executable)} -V")[0] == sys.executable


@pytest.mark.parametrize("text", ["", "  ", "echo 'a", "/no/such/program -x", os.devnull])
def test_what_is_no_command_is_refused(text: str) -> None:
    with pytest.raises(SinkError):
        parse_command(text)
