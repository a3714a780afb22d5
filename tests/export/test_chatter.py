"""Converters may say what they like: it goes to the log."""

import os
import subprocess
import sys

import pytest

from edgeemg_export.chatter import into_log

TALKATIVE = """
import os, pathlib, sys, warnings
from edgeemg_export.chatter import into_log
with into_log(pathlib.Path(sys.argv[1])):
    print("from python")
    print("to stderr", file=sys.stderr)
    os.write(1, b"from C, descriptor 1\\n")
    os.write(2, b"from C, descriptor 2\\n")
    warnings.warn("a warning")
print("afterwards")
"""


def test_python_and_c_and_warnings_go_to_the_log_and_not_to_the_screen(tmp_path):
    log = tmp_path / "export.log"
    command = [sys.executable, "-c", TALKATIVE, str(log)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("afterwards\n", "")
    said = log.read_text()
    for text in ("from python", "to stderr", "descriptor 1", "descriptor 2", "a warning"):
        assert text in said


def test_an_error_inside_gives_the_screen_back(tmp_path, capfd):
    with pytest.raises(RuntimeError), into_log(tmp_path / "log"):
        raise RuntimeError
    os.write(1, b"here again")
    assert capfd.readouterr().out == "here again"


def test_a_second_block_goes_on_where_the_first_ended(tmp_path):
    for text in ("one", "two"):
        with into_log(tmp_path / "log"):
            print(text)
    assert (tmp_path / "log").read_text() == "one\ntwo\n"
