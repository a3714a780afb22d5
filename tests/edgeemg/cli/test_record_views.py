"""Where a recording is shown: a terminal that is ours, one that is not, and none that can."""

import os
import pty
import sys

import pytest

from edgeemg.cli.record_views import Plain, Screen, open_view

_AFTER_SU = """
import os, sys
from edgeemg.cli.record_views import open_view
os.chmod(os.ttyname(2), 0)  # nobody may open it by its name
if os.geteuid() == 0:
    os.seteuid(65534)
try:
    os.open(os.ttyname(2), os.O_WRONLY)
    print("it could be opened")
except OSError:
    with open_view(2) as view:
        print(type(view).__name__)
"""


def said_in_a_terminal(program):
    child, master = pty.fork()
    if not child:
        os.execv(sys.executable, [sys.executable, "-c", program])
    said = b""
    while True:
        try:
            new = os.read(master, 4096)
        except OSError:
            break
        said += new
        if not new:
            break
    os.close(master)
    os.waitpid(child, 0)
    return said.decode()


def test_a_terminal_that_belongs_to_somebody_else_is_drawn_on_all_the_same():
    said = said_in_a_terminal(_AFTER_SU)
    assert "Screen" in said
    assert "\x1b[?1049h" in said


@pytest.mark.parametrize(("kind", "wanted"), [("xterm", Screen), ("dumb", Plain)])
def test_a_dumb_terminal_gets_lines(kind, wanted, monkeypatch):
    monkeypatch.setenv("TERM", kind)
    master, slave = pty.openpty()
    try:
        view = open_view(slave)
        assert type(view) is wanted
        with view:
            pass
    finally:
        os.close(master)
        os.close(slave)


def test_a_pipe_gets_lines():
    reading, writing = os.pipe()
    assert isinstance(open_view(writing), Plain)
    os.close(reading)
    os.close(writing)
