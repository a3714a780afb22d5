"""Requests in, what programs said out: host and guest, the agent in a process of its own."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.board.guest import Guest
from benchmarks.board.guest_agent import answer
from benchmarks.board.tools import BoardError

# the agent on a socket, since a virtio port is none that this machine has
AGENT = """
import socket, sys
sys.path.insert(0, sys.argv[1])
from benchmarks.board.guest_agent import serve
listening = socket.socket(socket.AF_UNIX)
listening.bind(sys.argv[2])
listening.listen()
print("listening", flush=True)
serve(listening.accept()[0].makefile("rwb", buffering=0))
"""


@pytest.fixture
def guest(tmp_path, project_root):
    path = tmp_path / "agent"
    command = [sys.executable, "-c", AGENT, str(project_root), str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as agent:
        assert agent.stdout.readline() == "listening\n"
        found = Guest(path)
        assert found.wait_for_hello(30.0)
        yield found
        found.close()
        agent.kill()


def test_a_program_runs_and_its_words_come_back(guest):
    done = guest.ask("sh", "-c", "echo out; echo 'µ' >&2; exit 3")
    assert (done.code, done.stdout, done.stderr) == (3, "out\n", "µ\n")


def test_much_output_comes_back_whole(guest):
    assert len(guest.do("sh", "-c", "yes 0123456789 | head -c 3000000")) == 3_000_000


def test_a_program_that_fails_is_an_error_with_its_words(guest):
    with pytest.raises(BoardError, match=r"failed \(2\): no such thing"):
        guest.do("sh", "-c", "echo no such thing >&2; exit 2")


def test_a_program_that_is_not_there_is_an_error(guest):
    with pytest.raises(BoardError, match="127"):
        guest.do("/no/such/program")


def test_a_program_that_hangs_is_given_up_and_the_next_one_runs(guest):
    with pytest.raises(BoardError, match=r"not done in 0\.5 s"):
        guest.do("sleep", "60", timeout_s=0.5)
    assert guest.do("echo", "still here") == "still here\n"


def test_waiting_ends_when_it_is_so_and_fails_when_it_never_is(guest, tmp_path):
    (tmp_path / "state").write_text("ready")
    asked = ["cat", str(tmp_path / "state")]
    assert guest.wait_until(asked, "ready", 30.0, "it") == "ready"
    with pytest.raises(BoardError, match="it: not within 0 s"):
        guest.wait_until(asked, "steady", 0, "it")


def test_an_agent_that_ends_is_an_error(guest):
    with pytest.raises(BoardError):
        guest.do("sh", "-c", "kill -9 $PPID")


@given(st.binary(max_size=60))
def test_noise_on_the_port_is_answered_and_runs_nothing(line):
    try:
        runs = isinstance(__import__("json").loads(line), dict)
    except ValueError:
        runs = False
    if not runs:
        assert answer(line)["id"] is None
