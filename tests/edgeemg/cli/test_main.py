import errno
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import click
import pytest

from edgeemg import __version__
from edgeemg.cli import main as command_line
from edgeemg.cli import verbs
from edgeemg.cli.outputs import fresh_folder
from edgeemg.errors import EdgeEmgError, GateError, ManifestError


def edgeemg(*arguments: object, **options: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "edgeemg", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        **options,  # type: ignore[call-overload]
    )


def assert_one_line(stderr: str, *parts: str) -> None:
    assert len(stderr.splitlines()) == 1, stderr
    assert stderr.startswith("edgeemg: ")
    for part in parts:
        assert part in stderr


@pytest.fixture
def verb(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[Callable[[], None]], tuple[int, str]]:
    """Runs a function as if it were a verb: exit code and stderr."""

    def call(action: Callable[[], None]) -> tuple[int, str]:
        module = ModuleType("a_verb_of_a_test")
        module.act = click.command("act")(action)  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setitem(verbs.VERBS, "act", (module.__name__, "act"))
        monkeypatch.setattr(sys, "argv", ["edgeemg", "act"])
        with pytest.raises(SystemExit) as left:
            command_line.main()
        return int(left.value.code or 0), capsys.readouterr().err

    return call


def raising(error: BaseException) -> Callable[[], None]:
    def act() -> None:
        raise error

    return act


# --- usage


def test_the_version_is_told() -> None:
    done = edgeemg("--version")
    assert (done.returncode, done.stdout) == (0, f"edgeemg, version {__version__}\n")


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_names_every_verb(flag: str) -> None:
    done = edgeemg(flag)
    assert (done.returncode, done.stderr) == (0, "")
    listed = [
        line.split()[0] for line in done.stdout.partition("Commands:")[2].splitlines() if line
    ]
    assert listed == list(verbs.VERBS)


@pytest.mark.parametrize("name", verbs.VERBS)
def test_every_verb_has_help_with_an_example(name: str) -> None:
    command = verbs.edgeemg.get_command(click.Context(verbs.edgeemg), name)
    assert command is not None
    assert command.name == name
    assert f"edgeemg {name}" in (command.help or "")


@pytest.mark.parametrize("name", ["train", "evaluate", "compare"])
def test_the_help_of_what_trains_names_every_model(name: str) -> None:
    from edgeemg.train.models import MODELS

    command = verbs.edgeemg.get_command(click.Context(verbs.edgeemg), name)
    assert command is not None
    listed = (command.help or "").partition("MODELS:")[2].partition("\n\n")[0]
    listed = listed.partition("PROTOCOLS:")[0]
    assert {one.strip() for one in listed.split(",")} == set(MODELS)


def test_an_unknown_verb_is_bad_usage() -> None:
    done = edgeemg("fly")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "No such command 'fly'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [["run"], ["run", "x", "--nonsense"], ["export", "x"]])
def test_bad_usage_of_a_verb_exits_with_2(arguments: list[str]) -> None:
    done = edgeemg(*arguments)
    assert done.returncode == 2
    assert "Usage: edgeemg" in done.stderr
    assert "Traceback" not in done.stderr


# --- what a user can cause


def test_a_domain_error_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    done = edgeemg("run", tmp_path / "nowhere", "--port", "/dev/null")
    assert (done.returncode, done.stdout) == (2, "")
    assert_one_line(done.stderr, "nowhere: no such folder")


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [(EdgeEmgError("broken"), 2), (ManifestError("broken"), 2), (GateError("broken"), 1)],
)
def test_every_error_of_ours_is_one_line_with_its_exit_code(
    verb: Callable[..., tuple[int, str]], error: EdgeEmgError, exit_code: int
) -> None:
    assert verb(raising(error)) == (exit_code, "edgeemg: broken\n")


def test_a_message_of_several_lines_becomes_one(verb: Callable[..., tuple[int, str]]) -> None:
    _, stderr = verb(raising(ManifestError("one\n  two\r\n\tthree")))
    assert stderr == "edgeemg: one two three\n"


def test_a_good_end_is_exit_code_0(verb: Callable[..., tuple[int, str]]) -> None:
    assert verb(lambda: None) == (0, "")


def test_a_defect_of_ours_keeps_its_traceback(verb: Callable[..., tuple[int, str]]) -> None:
    with pytest.raises(ZeroDivisionError):
        verb(raising(ZeroDivisionError()))


# --- what the file system says


def test_a_full_disk_says_so_in_one_line(verb: Callable[..., tuple[int, str]]) -> None:
    def fill() -> None:
        Path("/dev/full").write_text("x" * 10_000)

    exit_code, stderr = verb(fill)
    assert exit_code == 2
    assert_one_line(stderr, "No space left on device", "free some space")


def test_a_full_disk_behind_stdout_says_so_in_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "edgeemg", "--version"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
    assert done.returncode == 2
    assert_one_line(done.stderr, "No space left on device", "free some space")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_or_quota_names_the_file(
    verb: Callable[..., tuple[int, str]], number: int
) -> None:
    exit_code, stderr = verb(raising(OSError(number, os.strerror(number), "/data/model.onnx")))
    assert exit_code == 2
    assert_one_line(stderr, "/data/model.onnx: ", os.strerror(number), "free some space")


def test_any_other_error_of_the_file_system_names_the_file(
    verb: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    exit_code, stderr = verb(lambda: (tmp_path / "gone").read_text() and None)
    assert exit_code == 2
    assert_one_line(stderr, f"{tmp_path}/gone: No such file or directory: check the path")


def test_an_oserror_without_a_number_is_told_in_its_own_words(
    verb: Callable[..., tuple[int, str]],
) -> None:
    assert verb(raising(OSError("odd"))) == (2, "edgeemg: odd: check the path\n")


@pytest.fixture
def closed_folder() -> Iterator[Path]:
    """A folder in which an ordinary user may not write, as seen by an ordinary user."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o555)
    was_root = os.geteuid() == 0
    if was_root:
        os.seteuid(65534)
    yield folder
    if was_root:
        os.seteuid(0)
    folder.chmod(0o755)
    shutil.rmtree(folder)


def test_a_folder_that_cannot_be_written_is_one_line(
    verb: Callable[..., tuple[int, str]], closed_folder: Path
) -> None:
    def write() -> None:
        with fresh_folder(closed_folder / "bundle", force=False):
            pytest.fail("there is nowhere to write")

    exit_code, stderr = verb(write)
    assert exit_code == 2
    assert_one_line(stderr, f"{closed_folder}/", "Permission denied: check the path")
    assert list(closed_folder.iterdir()) == []


# --- Ctrl-C

# A shell that runs tests in the background passes on a SIGINT that is ignored: undo that first.
_WAITS = """
import signal, sys, time, types
signal.signal(signal.SIGINT, signal.default_int_handler)
import click
from edgeemg.cli.main import main
from edgeemg.cli.verbs import VERBS

@click.command()
def wait():
    print("ready", flush=True)
    time.sleep(60)

sys.modules["waits"] = types.SimpleNamespace(wait=wait)
VERBS["wait"] = ("waits", "wait")
sys.argv = ["edgeemg", "wait"]
main()
"""


def test_ctrl_c_ends_with_130_and_without_a_traceback() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _WAITS], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    assert stderr == "edgeemg: interrupted\n"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_an_interrupt_is_not_a_failed_gate(
    verb: Callable[..., tuple[int, str]], error: BaseException
) -> None:
    assert verb(raising(error)) == (130, "edgeemg: interrupted\n")


def test_a_reader_that_is_gone_leaves_no_traceback() -> None:
    reads, writes = os.pipe()
    os.close(reads)
    with os.fdopen(writes, "w") as writer:
        done = subprocess.run(
            [sys.executable, "-m", "edgeemg", "--help"],
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
    assert done.returncode != 0
    assert done.stderr == ""
