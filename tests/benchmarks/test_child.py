"""Ctrl-C in `python -m benchmarks` and in what it starts: one line, 130, no traceback."""

import os
import signal
import subprocess
import sys

import pytest

_PRESSED = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)

class Presses:
    def find_spec(self, name, path, target=None):
        if name == "{module}":
            signal.raise_signal(signal.SIGINT)

from benchmarks.{entry} import main
sys.meta_path.insert(0, Presses())
sys.argv = ["x", {words}]
main()
"""


@pytest.mark.parametrize(
    ("entry", "module", "words", "said"),
    [
        ("__main__", "benchmarks.commands", '"serial", "--quick"', "edgeemg: interrupted\n"),
        ("child", "benchmarks.serial_loss", '"serial_tables"', ""),
    ],
)
def test_while_modules_load_it_is_no_traceback(project_root, entry, module, words, said) -> None:
    program = _PRESSED.format(entry=entry, module=module, words=words)
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=project_root,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (130, said)


# as a shell starts it: pytest in the background has SIGINT ignored
_STARTED = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("benchmarks", run_name="__main__", alter_sys=True)
"""


@pytest.mark.slow
def test_while_it_measures_it_is_one_line(project_root) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _STARTED, "serial", "--quick"],
        cwd=project_root,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as group:
        assert group.stderr is not None
        assert group.stderr.readline().startswith("serial: quick")
        assert group.stderr.readline().startswith("round 1 of 1")  # said by the child
        os.killpg(group.pid, signal.SIGINT)
        _, rest = group.communicate(timeout=120)
    assert group.returncode == 130
    assert rest.splitlines()[-1] == "benchmarks: interrupted"
    assert "Traceback" not in rest
    assert "Aborted" not in rest
