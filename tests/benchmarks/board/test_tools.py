"""Programs that are there, and those that are not."""

import sys

import pytest

from benchmarks.board.tools import BoardError, call, find_tools
from edgeemg.errors import MissingToolError


def test_missing_programs_are_named_with_what_to_install(monkeypatch):
    monkeypatch.setattr("benchmarks.board.tools._NEEDED", {"no-such-program": "its-package"})
    with pytest.raises(MissingToolError, match=r"no-such-program.*apt install its-package"):
        find_tools()


def test_a_program_that_fails_is_an_error_with_its_last_words():
    code = "import sys; print('bad disk', file=sys.stderr); sys.exit(4)"
    with pytest.raises(BoardError, match=r"failed \(4\): bad disk"):
        call([sys.executable, "-c", code], timeout_s=60)


def test_a_program_that_hangs_is_an_error():
    with pytest.raises(BoardError, match=r"not done in 0\.2 s"):
        call([sys.executable, "-c", "import time; time.sleep(60)"], timeout_s=0.2)
