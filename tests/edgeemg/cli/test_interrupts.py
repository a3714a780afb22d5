"""Ctrl-C at any moment of a verb: one line, exit code 130, no traceback."""

import os
import signal
import subprocess
import sys

import pytest

from edgeemg.cli import interrupts

# Ctrl-C comes while this module is looked for, in a process that hears it as a shell's would.
_WHILE_IT_LOADS = """
import signal, sys
signal.signal(signal.SIGINT, signal.{handler})

class Presses:
    def find_spec(self, name, path, target=None):
        if name == "{module}":
            signal.raise_signal(signal.SIGINT)

from edgeemg.cli.main import main
sys.meta_path.insert(0, Presses())
main()
"""

# It hits what Python cannot raise from: there it is printed, and lost.
_IN_A_FINALISER = """
import signal, sys, time, types
signal.signal(signal.SIGINT, signal.default_int_handler)
import click
from edgeemg.cli import main, verbs

class Pressed:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)

@click.command()
def let_go():
    thing = Pressed()
    del thing
    time.sleep(60)

sys.modules["lets"] = types.SimpleNamespace(let_go=let_go)
verbs.VERBS["let_go"] = ("lets", "let_go")
main.main()
"""


def typed(program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize("module", ["edgeemg.cli.verbs", "click", "edgeemg.cli.data", "json"])
def test_while_modules_load_it_is_one_line(module, tmp_path):
    program = _WHILE_IT_LOADS.format(module=module, handler="default_int_handler")
    arguments = ["inspect", str(tmp_path)] if module == "json" else ["data", "info", str(tmp_path)]
    done = typed(program, *arguments)
    assert done.stderr == "edgeemg: interrupted\n"
    assert (done.returncode, done.stdout) == (130, "")


@pytest.mark.parametrize("module", ["click", "edgeemg.cli.data"])
def test_one_that_the_shell_had_ignored_stays_so(module, tmp_path):
    done = typed(_WHILE_IT_LOADS.format(module=module, handler="SIG_IGN"), "data", "--help")
    assert (done.returncode, done.stderr) == (0, "")


def test_in_a_finaliser_it_is_not_lost():
    done = typed(_IN_A_FINALISER, "let_go")
    assert (done.returncode, done.stderr) == (130, "edgeemg: interrupted\n")


def test_what_else_a_finaliser_raises_is_shown():
    broken = _IN_A_FINALISER.replace("signal.raise_signal(signal.SIGINT)", "1 / 0")
    done = typed(broken.replace("time.sleep(60)", "pass"), "let_go")
    assert done.returncode == 0
    assert "Exception ignored in" in done.stderr
    assert "ZeroDivisionError" in done.stderr


def _press_after_a_verb(stderr_is):
    if stderr_is == "closed":
        os.close(2)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    interrupts.end_at_once()
    with interrupts.Raised():
        pass
    signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("stderr_is", ["open", "closed"])
def test_after_the_verb_it_ends_at_once(stderr_is):
    child = os.fork()
    if not child:
        try:
            _press_after_a_verb(stderr_is)
        finally:  # whatever it raises: no second pytest goes on from here
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 130


def test_handlers_of_others_are_left_alone():
    heard = []
    before = signal.signal(signal.SIGINT, lambda number, frame: heard.append(number))
    try:
        interrupts.end_at_once()
        with interrupts.Raised():
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
    assert heard == [signal.SIGINT]
