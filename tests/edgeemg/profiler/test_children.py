from pathlib import Path

import pytest

from edgeemg.profiler.children import Failure, run_python


def test_what_a_process_prints_is_the_answer() -> None:
    assert run_python("-c", "print(6 * 7)", patience_s=60) == "42\n"


@pytest.mark.parametrize(
    ("signal", "said"),
    [("SIGILL", "illegal instruction"), ("SIGKILL", "out of memory"), ("SIGUSR1", "by a signal")],
)
def test_a_process_that_a_signal_ended_names_it(signal: str, said: str) -> None:
    program = f"import os, signal; os.kill(os.getpid(), signal.{signal})"
    answer = run_python("-c", program, patience_s=60)
    assert isinstance(answer, Failure)
    assert answer.reason.startswith(signal)
    assert said in answer.reason


def test_of_a_traceback_only_the_last_line_is_told() -> None:
    answer = run_python("-c", "raise OSError('version GLIBC_2.38 not found')", patience_s=60)
    assert answer == Failure("OSError: version GLIBC_2.38 not found")


def test_a_silent_failure_names_its_exit_code() -> None:
    assert run_python("-c", "raise SystemExit(3)", patience_s=60) == Failure(
        "it ended with exit code 3"
    )


def test_a_process_that_hangs_is_given_up() -> None:
    answer = run_python("-c", "import time; time.sleep(60)", patience_s=0.3)
    assert answer == Failure("no answer within 0.3 s")


def test_a_module_in_the_current_folder_stands_for_no_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "numpy.py").write_text("raise SystemExit('mine')")
    monkeypatch.chdir(tmp_path)
    assert run_python("-c", "import numpy", patience_s=60) == ""
